"""Published numbers beside measured ones, and what keeps the two from being compared.

A published number stands beside the measured one of the same method, IPC and network, if that was made with the
recommended settings on the test split. A difference is shown only where data, protocol and selection agree too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from dcbench.report.published import paper_table

FIELDS = [
    "published",
    "published_std",
    "published_sets",
    "published_networks",
    "published_dataset",
    "published_protocol",
    "published_selection",
    "published_note",
    "difference",
]
"""What `beside` adds to a summary; empty where there is no published number, or where it is not known."""

_EVALUATOR = "accuracy"
_PLACE = ["published_dataset", "ipc", "method", "network"]

_SELECTION = {"accuracy": "last", "accuracy_best_epoch": "best epoch on test"}
"""Figures that published accuracies stand beside, and how each is picked.

Published numbers that are "best on test" may also be picked among iterations, which no figure of ours is.
"""

_DERIVED = {"cifar10-jpeg": "cifar10"}
"""Datasets made from a published one: its numbers are shown for orientation, as those of other data."""


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
        return entry[self.measured] != known if self.measured else not pd.isna(known)


_MARKS = (
    _Mark("§", "dataset of", "published_dataset", "source"),
    _Mark("†", "protocol of", "published_protocol", "protocol"),
    _Mark("‡", "selection of", "published_selection", "selection"),
    _Mark("¶", "remark on", "published_note"),
)


def beside(summary: pd.DataFrame) -> pd.DataFrame:
    """Return *summary*, from `summarise`, with `FIELDS` and with ``selection``, how each figure is picked."""
    table = summary.assign(
        published_dataset=summary["dataset"].replace(_DERIVED), selection=summary["figure"].map(_SELECTION)
    )
    table = table.astype({"ipc": int})  # the columns of an empty summary have no type
    table = table.merge(_published_accuracies(), how="left", on=_PLACE, validate="many_to_one")
    eligible = table["recommended"].astype(bool) & (table["evaluator"] == _EVALUATOR) & (table["split"] == "test")
    found = eligible & table["selection"].notna() & table["published"].notna()
    agrees = [table[mark.measured] == table[mark.published] for mark in _MARKS if mark.measured]
    table["difference"] = (table["mean"] - table["published"]).where(pd.concat(agrees, axis=1).all(axis=1))
    table[FIELDS] = table[FIELDS].where(found)
    return table


def published_text(entry: Mapping[str, Any]) -> str:
    """Return the published number of a row of `beside` with its marks, or nothing where there is none."""
    if pd.isna(entry["published"]):
        return ""
    std = "" if pd.isna(entry["published_std"]) else f" ± {entry['published_std']:.1f}"
    marks = "".join(mark.symbol for mark in _MARKS if mark.applies(entry))
    return f"{entry['published']:.1f}{std} ({_counts(entry)}) {marks}".rstrip()


def explain(entries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the notes below a table made of *entries*, rows of `beside`: where numbers are from, and each mark."""
    entries = [entry for entry in entries if not pd.isna(entry["published"])]
    if not entries:
        yield "no published number belongs here"
        return
    yield "published: mean ± std (sets x networks, ? where not known), in arXiv 2312.15927"
    if any(not pd.isna(entry["difference"]) for entry in entries):
        yield "difference: measured minus published, where data, protocol, network and selection are the same"
    for mark in _MARKS:
        if marked := [entry for entry in entries if mark.applies(entry)]:
            yield f"{mark.symbol} {mark.what} the published number: {_grouped(marked, mark.published)}"


def _published_accuracies() -> pd.DataFrame:
    """Return the accuracies of Tables 2 to 4, each once: the table that says most of a number goes first."""
    names = {
        "dataset": "published_dataset",
        "accuracy": "published",
        "std": "published_std",
        "sets": "published_sets",
        "networks_per_set": "published_networks",
        "protocol": "published_protocol",
        "selection": "published_selection",
        "note": "published_note",
    }
    table = pd.concat([paper_table(number) for number in (2, 3, 4)], ignore_index=True).rename(columns=names)
    table = table[table["published"].notna()].drop_duplicates(_PLACE)
    return table[[*_PLACE, *(name for name in FIELDS if name in table and name not in _PLACE)]]


def _counts(entry: Mapping[str, Any]) -> str:
    counts = [entry["published_sets"], entry["published_networks"]]
    if all(map(pd.isna, counts)):
        return "?"
    return "x".join("?" if pd.isna(count) else str(count) for count in counts)


def _grouped(entries: Iterable[Mapping[str, Any]], column: str) -> str:
    """Return what *column* says, each with the methods it holds for: ``dsa (dm), not known (whole)``."""
    methods: dict[str, list[str]] = {}
    for entry in entries:
        said = methods.setdefault("not known" if pd.isna(entry[column]) else str(entry[column]), [])
        if entry["method"] not in said:
            said.append(entry["method"])
    return ", ".join(f"{what} ({', '.join(names)})" for what, names in methods.items())
