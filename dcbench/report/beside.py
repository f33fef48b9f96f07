"""Published numbers beside measured ones, and what keeps the two from being compared.

A published number stands beside the measured one of the same method, IPC, network (as the paper calls it) and metric,
if that was made on the test split with the recommended settings, or with all but their number of iterations. A
difference is shown only where iterations, data, protocol and selection agree too. Other data under the name of a
published dataset has a title of its own, which no published number has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from dcbench.report.published import paper_table
from dcbench.report.summary import entries, spread_text

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
]
"""What `beside` adds to a summary; empty where there is no published number, or where it is not known."""

_COORDINATES = ["published_dataset", "ipc", "published_method", "published_network", "evaluator", "metric"]

_SELECTION = {"accuracy": "last", "accuracy_best_epoch": "best epoch on test"}
"""Metrics that published accuracies stand beside, and how each is picked.

Published numbers that are "best on test" may also be picked among iterations, which no metric of ours is.
"""

SOURCE = "arXiv 2312.15927"
"""Where published numbers are from."""

_DISTANCES = ("mean_distance", "variance_distance", "skewness_distance")

_VARIANTS = {"dm": {"order": {2: "dm+2nd", 3: "dm+2nd+3rd"}}}
"""Settings of a method under which the paper has it by another name (Table 1)."""

_DERIVED = {"cifar10-jpeg": "cifar10"}
"""Datasets made from a published one: its numbers are shown for orientation, as those of other data."""

_SHAPES = {"resnet10-cifar": "resnet10"}
"""Networks that the paper has by the name of another one; its numbers say so in a remark."""

_NAMINGS = (
    "{method}",
    "{method} ipc {ipc}",
    "{method} {dataset}",
    "{method} {dataset} ipc {ipc}",
    "{label}",
    "{label} {dataset} ipc {ipc}",
)
"""How a note names what a mark holds for."""

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
    """Column of what is known of the published number."""
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


def beside(summary: pd.DataFrame) -> pd.DataFrame:
    """Return *summary*, from `summarise`, with `FIELDS` and with what each of them is compared with."""
    named = [_names(entry) for entry in entries(summary)]
    names = pd.DataFrame(named, columns=_NAMES, index=summary.index)
    table = pd.concat([summary.astype({"ipc": int}), names], axis=1)
    table = table.merge(_published(), how="left", on=_COORDINATES, validate="many_to_one")
    found = table.pop("eligible").astype(bool) & table["published"].notna()
    table[FIELDS] = table.reindex(columns=FIELDS).where(found)
    table["difference"] = [_difference(entry) for entry in entries(table)]
    return table.astype({"iterations": "Int64", "published_iterations": "Int64", "difference": float})


def _names(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return under which names the paper has the number of *entry*, and what has to agree with it."""
    settings, overrides = entry["settings"], entry["overrides"]
    variants = _VARIANTS.get(entry["method"], {})
    paper = [names[settings[field]] for field, names in variants.items() if settings.get(field) in names]
    # Without a single step it is the initialisation, not the method.
    other_length = "iterations" in overrides and settings["iterations"] > 0
    allowed = {*variants, *(["iterations"] if other_length else [])}
    return {
        "published_dataset": _DERIVED.get(entry["dataset"], entry["dataset"]),
        "published_method": paper[0] if paper else entry["method"],
        "published_network": _SHAPES.get(entry["network"], entry["network"]),
        "iterations": settings.get("iterations"),
        "selection": _SELECTION.get(entry["metric"]),
        # What a protocol was before it was mended is another one.
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
    """Return the published number of a row of `beside` with its marks, or nothing where there is none."""
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
    """Yield the notes below a table made of *table*, rows of `beside`: where numbers are from, and each mark."""
    shown = [entry for entry in table if not pd.isna(entry["published"])]
    accuracies = [entry for entry in shown if entry["unit"] == "percent"]
    if not shown:
        yield "no published number belongs here"
    if accuracies:
        yield f"published: mean ± std (sets x repeats, ? where not known), in {SOURCE}"
    if len(accuracies) < len(shown):
        yield f"published distances, in {SOURCE}, are not defined further there: compare their order only"
    if any(not pd.isna(entry["difference"]) for entry in shown):
        yield "difference: measured minus published, where data, protocol, network, iterations and epoch agree"
    for mark in _MARKS:
        if marked := [entry for entry in shown if mark.applies(entry)]:
            yield f"{mark.symbol} {mark.what} the published number: {_grouped(marked, mark.published)}"


def published_hours() -> dict[tuple[str, int, str], float]:
    """Return the hours of Table 3 that are known, by ``published_dataset``, ``ipc`` and ``method``."""
    table = paper_table(3).dropna(subset="hours")
    return dict(zip(zip(table["dataset"], table["ipc"], table["method"], strict=True), table["hours"], strict=True))


def _published() -> pd.DataFrame:
    """Return every published number once, with the metric it stands beside."""
    accuracies = pd.concat([paper_table(number) for number in (2, 3, 4, 1)], ignore_index=True)
    accuracies["network"] = accuracies["network"].fillna("convnet3")  # Table 1 stands in a paper that uses no other
    accuracies = accuracies.rename(columns={"accuracy": "published"}).dropna(subset="published")
    # The table that says most of a number goes first.
    accuracies = accuracies.drop_duplicates(["dataset", "ipc", "method", "network"])
    parts = [accuracies.assign(evaluator="accuracy", metric=metric) for metric in _SELECTION]
    moments = paper_table(1).rename(columns={"accuracy": "_"})
    parts += [
        moments.rename(columns={metric: "published"}).assign(evaluator="moments", metric=metric, network="convnet3")
        for metric in _DISTANCES
    ]
    table = pd.concat(parts, ignore_index=True)
    known = ("dataset", "method", "network", "std", "sets", "protocol", "selection", "iterations", "note")
    names = {name: f"published_{name}" for name in known}
    table = table.rename(columns=names | {"networks_per_set": "published_networks"})
    return table[[*_COORDINATES, *(name for name in FIELDS if name in table and name not in _COORDINATES)]]


def _counts_of(entry: Mapping[str, Any]) -> list[Any]:
    return [entry["published_sets"], entry["published_networks"]]


def _counts(entry: Mapping[str, Any]) -> str:
    counts = _counts_of(entry)
    if all(map(pd.isna, counts)):
        return "?"
    return "x".join("?" if pd.isna(count) else str(count) for count in counts)


def _grouped(marked: Sequence[Mapping[str, Any]], column: str) -> str:
    """Return what *column* says, each with the methods it holds for: ``dsa (dm), not known (whole)``.

    A method that it says several things of is named with its data: ``1000 (m3d imagenet10), 10000 (m3d cifar10)``.
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
