"""A comparison for a terminal, as markdown, and as CSV and JSON for programs."""

from __future__ import annotations

import json as json_format
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from tabulate import tabulate

from dcbench.api.printable import printable
from dcbench.report.compare.sections import Section, sections
from dcbench.report.drawing import Text, drawn
from dcbench.report.render.markdown import literal
from dcbench.report.render.records import as_csv, as_records

if TYPE_CHECKING:
    from dcbench.report.compare.comparison import Comparison, Difference

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
        "only": [{"in": only.side, **only.place._asdict(), "seeds": only.replicates} for only in comparison.only],
        "identity": list(map(_as_record, comparison.identity)),
        "provenance": list(map(_as_record, comparison.provenance)),
        "sets": asdict(comparison.sets),
        "numbers": as_records(comparison.numbers),
    }
    return printable(json_format.dumps(whole, indent=1, ensure_ascii=False), lines=True) + "\n"


def _as_record(difference: Difference) -> dict[str, Any]:
    seats = [{**place._asdict(), "seed": replicate} for place, replicate in difference.seats]
    return {"fact": difference.fact, "A": difference.a, "B": difference.b, "for": seats}
