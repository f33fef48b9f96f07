"""Published numbers joined to measured ones, with the reasons why two numbers cannot be compared.

A published number stands below the measured one of the same method, IPC, network (as the paper calls it) and metric,
if that was measured on the test split with the recommended settings, or with all but their number of iterations. A
difference is shown only where iterations, data, protocol and selection agree too. Other data under the name of a
published dataset has a title of its own, which has no published number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from dcbench.api.report import PublishedNumbers, spread_text
from dcbench.report.summary import entries

FIELDS = [
    "published",
    "published_std",
    "published_sets",
    "published_networks",
    "published_dataset",
    "published_protocol",
    "published_selection",
    "published_note",
    "published_iterations",
    "difference",
    "published_source",
]
"""Fields of a record that `join` adds. They are missing if there is no published number, or if they are not known."""

_COORDINATES = ["published_dataset", "ipc", "published_method", "published_network", "evaluator", "metric"]

_KNOWN = ["dataset", "method", "network", "std", "sets", "protocol", "selection", "iterations", "note", "seconds"]
"""Columns of `PublishedNumbers.numbers`, which stand in the joined summary with ``published_`` before them."""

_ADDED = [*FIELDS, "published_seconds", "published_credit"]
"""All columns of a published number."""

_NAMINGS = (
    "{method}",
    "{method} ipc {ipc}",
    "{method} {dataset}",
    "{method} {dataset} ipc {ipc}",
    "{label}",
    "{label} {dataset} ipc {ipc}",
)
"""How a note names the numbers that have a mark."""

_NAMES = [
    "published_dataset",
    "published_method",
    "published_network",
    "iterations",
    "selection",
    "recipe_of",
    "eligible",
]


@dataclass(frozen=True)
class _Mark:
    symbol: str
    what: str
    published: str
    """Column with the fact on the published number."""
    measured: str = ""
    """Column that has to agree; empty for a mark that only informs."""

    def applies(self, entry: Mapping[str, Any]) -> bool:
        known = entry[self.published]
        if not self.measured:
            return not pd.isna(known)
        own = entry[self.measured]
        if pd.isna(own) or own == "":  # a distance has no protocol
            return not pd.isna(known)
        return bool(pd.isna(known) or known != own)


_MARKS = (
    _Mark("§", "dataset of", "published_dataset", "source"),
    _Mark("†", "protocol of", "published_protocol", "recipe_of"),
    _Mark("‡", "epoch of", "published_selection", "selection"),
    _Mark("‖", "iterations of", "published_iterations", "iterations"),
    _Mark("¶", "remark on", "published_note"),
)


def join(summary: pd.DataFrame, papers: Sequence[PublishedNumbers]) -> pd.DataFrame:
    """Return *summary*, from `summarise`, with `FIELDS` and with what each of them is compared with.

    Args:
        summary: the measured numbers.
        papers: where several have a number for one row, the first of them counts.
    """
    joined: pd.DataFrame | None = None
    for paper in papers or [_nothing()]:
        table = _join_one(summary, paper)
        joined = table if joined is None else joined.where(joined["published"].notna(), table)
    assert joined is not None
    joined["difference"] = [_difference(entry) for entry in entries(joined)]
    counts = joined.astype({"iterations": "Int64", "published_iterations": "Int64"})
    return counts.astype({"difference": float, "published_seconds": float})


def _nothing() -> PublishedNumbers:
    return PublishedNumbers(source="", numbers=pd.DataFrame(columns=[*_KNOWN, "ipc", "evaluator", "metric"]))


def _join_one(summary: pd.DataFrame, paper: PublishedNumbers) -> pd.DataFrame:
    named = [_names(entry, paper) for entry in entries(summary)]
    names = pd.DataFrame(named, columns=_NAMES, index=summary.index)
    table = pd.concat([summary.astype({"ipc": int}), names], axis=1)
    numbers = _numbers_of(paper).astype({"ipc": int})
    table = table.merge(numbers, how="left", on=_COORDINATES, validate="many_to_one")
    table["published_credit"] = [_credit(paper, unit) for unit in table["unit"]]
    found = table.pop("eligible").astype(bool) & table["published"].notna()
    table[_ADDED] = table.reindex(columns=_ADDED).where(found)
    return table


def _credit(paper: PublishedNumbers, unit: str) -> str:
    """Return the line below a table on the source of its published numbers of *unit*."""
    what = "published" if unit == "percent" else f"published {unit}s"
    usual = f"{what}: mean ± std (sets x repeats, ? where not known), in {paper.source}"
    return {str(of): line for of, line in paper.notes.items()}.get(unit, usual)


def _numbers_of(paper: PublishedNumbers) -> pd.DataFrame:
    """Return the numbers of *paper* under the names of the columns that they are joined as."""
    names = {name: f"published_{name}" for name in _KNOWN} | {"networks_per_set": "published_networks"}
    columns = [
        *_COORDINATES,
        *(name for name in _ADDED if name not in ("published_dataset", "difference", "published_credit")),
    ]
    return paper.numbers.rename(columns=names).assign(published_source=paper.source).reindex(columns=columns)


def _names(entry: Mapping[str, Any], paper: PublishedNumbers) -> dict[str, Any]:
    """Return the names under which *paper* has the number of *entry*, and the facts that have to agree with it."""
    settings, overrides = entry["settings"], entry["overrides"]
    variants = paper.variants.get(entry["method"], {})
    variant = [names[settings[field]] for field, names in variants.items() if settings.get(field) in names]
    # Without a single step it is the initialisation, not the method.
    other_length = "iterations" in overrides and settings["iterations"] > 0
    allowed = {*variants, *(["iterations"] if other_length else [])}
    return {
        "published_dataset": paper.datasets.get(entry["dataset"], entry["dataset"]),
        "published_method": variant[0] if variant else entry["method"],
        "published_network": paper.networks.get(entry["network"], entry["network"]),
        "iterations": settings.get("iterations"),
        "selection": paper.selections.get(entry["metric"]),
        # A protocol before its correction counts as another protocol.
        "recipe_of": f"{entry['protocol']}, superseded" if entry["superseded"] else entry["protocol"],
        "eligible": entry["split"] == "test" and set(overrides) <= allowed,
    }


def _difference(entry: Mapping[str, Any]) -> float | None:
    if pd.isna(entry["published"]) or entry["unit"] != "percent":
        return None
    if any(mark.applies(entry) for mark in _MARKS if mark.measured):
        return None
    return float(entry["mean"] - entry["published"])


def published_text(entry: Mapping[str, Any]) -> str:
    """Return the published number of a row of `join` with its marks; empty if there is none."""
    if pd.isna(entry["published"]):
        return ""
    marks = "".join(mark.symbol for mark in _MARKS if mark.applies(entry))
    if entry["unit"] != "percent":
        return f"{entry['published']:.3g} {marks}".rstrip()
    known = not pd.isna(entry["published_std"])
    sets, networks = (None if pd.isna(count) else int(count) for count in _counts_of(entry))
    n = sets * networks if sets and networks else 0
    std = spread_text(f"{entry['published_std']:.1f}", sets, n) if known else ""
    return f"{entry['published']:.1f}{std} ({_counts(entry)}) {marks}".rstrip()


def explain(table: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the notes below a table made of *table*, rows of `join`: where numbers are from, and each mark."""
    shown = [entry for entry in table if not pd.isna(entry["published"])]
    if not shown:
        yield "no published number belongs here"
    percentages_first = sorted(shown, key=lambda entry: str(entry["unit"]) != "percent")
    yield from dict.fromkeys(entry["published_credit"] for entry in percentages_first)
    if any(not pd.isna(entry["difference"]) for entry in shown):
        yield "difference: measured minus published, where data, protocol, network, iterations and epoch agree"
    for mark in _MARKS:
        if marked := [entry for entry in shown if mark.applies(entry)]:
            yield f"{mark.symbol} {mark.what} the published number: {_grouped(marked, mark.published)}"


def _counts_of(entry: Mapping[str, Any]) -> list[Any]:
    return [entry["published_sets"], entry["published_networks"]]


def _counts(entry: Mapping[str, Any]) -> str:
    counts = _counts_of(entry)
    if all(map(pd.isna, counts)):
        return "?"
    return "x".join("?" if pd.isna(count) else str(count) for count in counts)


def _grouped(marked: Sequence[Mapping[str, Any]], column: str) -> str:
    """Return the values of *column*, each with its methods: ``dsa (dm), not known (whole)``.

    A method that has several values is named with its data: ``1000 (m3d imagenet10), 10000 (m3d cifar10)``.
    """
    by_method: dict[str, list[Mapping[str, Any]]] = {}
    for entry in marked:
        by_method.setdefault(entry["method"], []).append(entry)
    telling = {method: _telling(alike, column) for method, alike in by_method.items()}
    names: dict[str, dict[str, None]] = {}
    for entry in marked:
        names.setdefault(_said(entry, column), {})[telling[entry["method"]].format(**entry)] = None
    return ", ".join(f"{what} ({', '.join(named)})" for what, named in names.items())


def _telling(entries_of_method: Iterable[Mapping[str, Any]], column: str) -> str:
    """Return the shortest of `_NAMINGS` under which no name has two values of *column*, or else the longest."""
    pairs = [(entry, _said(entry, column)) for entry in entries_of_method]
    for naming in _NAMINGS:
        named = {(naming.format(**entry), said) for entry, said in pairs}
        if len({name for name, _ in named}) == len(named):
            return naming
    return _NAMINGS[-1]


def _said(entry: Mapping[str, Any], column: str) -> str:
    return "not known" if pd.isna(entry[column]) else str(entry[column])
