"""A comparison in words, for a terminal and as markdown; and as CSV and JSON for programs."""

from __future__ import annotations

import json as json_format
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from tabulate import tabulate

from dcbench.api.report import Number, spread_text
from dcbench.api.texts import plural, printable
from dcbench.engine.ranges import range_text, ranges_of
from dcbench.report.compare.comparison import Comparison, Difference, Located, OnlyIn, SetsInBoth, replicates_of
from dcbench.report.compare.contents import SET, Coordinates
from dcbench.report.render.records import as_csv, as_records
from dcbench.report.render.text import MISSING, literal
from dcbench.report.summary import TABLE, entries
from dcbench.report.table import tables_by, title_of
from dcbench.report.text import Text, drawn

_MOST_PLACES = 4  # named in one line; JSON has all of them

_COLUMNS = ("dataset", "IPC", "method", "A", "B", "B \N{MINUS SIGN} A", "pairs", "p", "p (Holm)")

_NOTES = (
    "A and B: mean ± std (n values) of the trials that are in both. B \N{MINUS SIGN} A: mean ± std over pairs of "
    "networks with the same replicate, evaluation seed and protocol; same: to the last bit",
    "p: sign-flip permutation test of the mean difference over these pairs, two-sided, exact up to 30 pairs, about "
    "these sets and not others of their methods; with n pairs it cannot be below 2 / 2^n",
    "p (Holm): corrected for the {tests} tests of this comparison",
)
"""The second where there is a test, the third where there are several."""


@dataclass(frozen=True)
class Section:
    """A part of a comparison: a title, then lines, then a table where it has one, then notes."""

    title: str
    lines: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()


def sections(comparison: Comparison) -> list[Section]:
    """Return the sections that are not empty, the most important last, where a terminal shows it."""
    found = [
        Section("Only in one folder", tuple(map(_only, comparison.only))),
        Section("The same by name, but made from something else", tuple(map(_identity, comparison.identity))),
        Section("Made in another way", tuple(map(_provenance, comparison.provenance))),
        Section("Condensed sets in both", tuple(_sets(comparison.sets))),
        Section("Numbers in both", tuple(_equal(comparison.numbers))),
        *_metrics(comparison.numbers[~_are_equal(comparison.numbers)]),
    ]
    return [section for section in found if section.lines or section.rows] or [
        Section("Nothing to compare", ("neither folder has a finished cell that was asked for",))
    ]


def _only(only: OnlyIn) -> str:
    return f"{_place(only.coordinates, only.replicates)}: only in {only.side}"


def _identity(difference: Difference) -> str:
    return f"{_values(difference)}: {_places(difference.where)}"


def _provenance(difference: Difference) -> str:
    counts = Counter(place.what == SET for place, _ in difference.where)
    parts = [_count(counts[True], "condensed set"), _count(counts[False], "evaluation")]
    return f"{_values(difference)}: {' and '.join(filter(None, parts))}"


def _values(difference: Difference) -> str:
    return f"{difference.fact} {difference.a or MISSING} in A, {difference.b or MISSING} in B"


def _places(where: Iterable[Located]) -> str:
    places = [_place(place, replicates) for place, replicates in replicates_of(where).items()]
    more = len(places) - _MOST_PLACES
    return "; ".join(places[:_MOST_PLACES]) + (f"; and {more} more" if more > 0 else "")


def _place(place: Coordinates, replicates: Sequence[int]) -> str:
    spans = ",".join(map(range_text, ranges_of(replicates)))
    text = f"{place.dataset} ipc {place.ipc} {place.label} replicate{'s' if len(replicates) > 1 else ''} {spans}"
    text += "" if place.split == "test" else f", {place.split} split"
    return text if place.what == SET else f"{text}, {place.what}"


def _count(number: int, what: str) -> str:
    return plural(number, what) if number else ""


def _sets(sets: SetsInBoth) -> Iterator[str]:
    if not sets.count:
        return
    yield f"{sets.identical} of {sets.count} hold identical images and labels, to the last bit"
    if sets.other_labels:
        yield f"labels differ in {sets.other_labels} of the others"
    if sets.largest_difference is not None:
        yield f"pixels of the others, in [0, 1], differ by at most {sets.largest_difference:.2g}"


def _are_equal(numbers: pd.DataFrame) -> pd.Series[bool]:
    """Return which rows are equal: the same networks in both, with the same values."""
    return numbers["same"].astype(bool) & (numbers["n_a"] == numbers["pairs"]) & (numbers["n_b"] == numbers["pairs"])


def _equal(numbers: pd.DataFrame) -> Iterator[str]:
    equal = int(_are_equal(numbers).sum())
    if equal:
        rest = " and left out below" if equal < len(numbers) else ""
        yield f"{equal} of {len(numbers)} are the same to the last bit{rest}; --format csv has each"


def _metrics(numbers: pd.DataFrame) -> Iterator[Section]:
    tests = int(numbers["p"].notna().sum())
    notes = [note.format(tests=tests) for note in _NOTES[: 1 + min(tests, 2)]]
    for common, group in tables_by(numbers, [*TABLE, "step"]):
        at = () if pd.isna(common["step"]) else (f"at step {common['step']}",)
        yield Section(title_of(common, *at), (), _COLUMNS, tuple(map(_row, entries(group))), tuple(notes))


def _row(entry: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        entry["dataset"],
        str(entry["ipc"]),
        entry["label"],
        _number(entry, "a"),
        _number(entry, "b"),
        _difference(entry),
        str(entry["pairs"]),
        _p(entry["p"]),
        _p(entry["p_holm"]),
    )


def _number(entry: Mapping[str, Any], side: str) -> str:
    if not entry[f"n_{side}"]:
        return MISSING
    mean, std, n = (entry[f"{name}_{side}"] for name in ("mean", "std", "n"))
    return str(Number(mean, std, n, unit=entry["unit"], sets=entry["sets"]))


def _difference(entry: Mapping[str, Any]) -> str:
    if not entry["pairs"]:
        return MISSING
    if entry["same"]:
        return "same"
    form = ".2f" if entry["unit"] == "percent" else ".2g"
    spread = spread_text(f"{entry['difference_std']:{form}}", entry["sets"], entry["pairs"])
    return f"{entry['difference']:+{form}}{spread}".replace("-", "\N{MINUS SIGN}")


def _p(value: float | None) -> str:
    if value is None or pd.isna(value):
        return MISSING
    return "<0.001" if value < 0.001 else f"{value:.3f}"


_NUMBERS = {"IPC", "A", "B", "B \N{MINUS SIGN} A", "pairs", "p", "p (Holm)"}


def terminal(comparison: Comparison, names: Sequence[str], *, width: int | None = None, colour: bool = False) -> str:
    """Return *comparison* as text for a terminal of *width* characters.

    Args:
        comparison: what to show.
        names: the two folders.
        width: None for no limit.
        colour: write control sequences for bold and dim.
    """
    parts: list[RenderableType] = [f"{side}  {name}" for side, name in zip("AB", names, strict=True)]
    for section in sections(comparison):
        parts.append(Text(f"\n{section.title}", "bold"))
        parts += [_indented(line) for line in section.lines]
        if section.rows:
            parts.append(_table(section))
        parts += [_indented(note, "dim") for note in section.notes]
    return drawn(*parts, width=width, colour=colour)


def _indented(text: str, style: str = "") -> Padding:
    return Padding(Text(text, style), (0, 0, 0, 2), expand=False)


def _table(section: Section) -> Table:
    table = Table()
    for head in section.heads:
        table.add_column(head, justify="right" if head in _NUMBERS else "left", overflow="fold")
    for row in section.rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table


def markdown(comparison: Comparison, names: Sequence[str]) -> str:
    """Return *comparison* as GitHub markdown."""
    head = "\n".join(f"* {side}: {literal(name)}" for side, name in zip("AB", names, strict=True))
    return "\n\n".join([head, *map(_markdown, sections(comparison))]) + "\n"


def _markdown(section: Section) -> str:
    parts = [f"**{literal(section.title)}**"]
    if section.lines:
        parts.append("\n".join(f"* {literal(line)}" for line in section.lines))
    if section.rows:
        align = ["right" if head in _NUMBERS else "left" for head in section.heads]
        rows = [[literal(text) for text in row] for row in section.rows]
        parts.append(tabulate(rows, section.heads, "pipe", colalign=align, disable_numparse=True))
    return "\n\n".join([*parts, *map(literal, section.notes)])


def csv(comparison: Comparison) -> str:
    """Return the metrics that both folders have as CSV, one line per number; see `paired_numbers`."""
    return as_csv(comparison.numbers)


def json(comparison: Comparison, names: Sequence[str]) -> str:
    """Return everything as one JSON object."""
    whole = {
        **dict(zip("AB", names, strict=True)),
        "only": [{"in": only.side, **only.coordinates._asdict(), "seeds": only.replicates} for only in comparison.only],
        "identity": list(map(_as_record, comparison.identity)),
        "provenance": list(map(_as_record, comparison.provenance)),
        "sets": asdict(comparison.sets),
        "numbers": as_records(comparison.numbers),
    }
    return printable(json_format.dumps(whole, indent=1, ensure_ascii=False), lines=True) + "\n"


def _as_record(difference: Difference) -> dict[str, Any]:
    where = [{**place._asdict(), "seed": replicate} for place, replicate in difference.where]
    return {"fact": difference.fact, "A": difference.a, "B": difference.b, "for": where}
