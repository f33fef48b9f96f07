"""Filters: which results a command reads, and the message on a value that fits none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

import pandas as pd

from dcbench.api.errors import RequestError
from dcbench.engine.selectors import Selector, parse_selector

_SHOWN = 6
_COLUMN_OF = {
    "methods": "label",
    "datasets": "dataset",
    "ipc": "ipc",
    "seeds": "replicate",
    "protocol": "protocol",
    "networks": "network",
    "evaluators": "evaluator_label",
}
"""The column of the frame that each field of a filter is compared with."""


@dataclass(frozen=True)
class Filter:
    """Which results to read. An empty field lets all of them pass."""

    methods: Sequence[str] = ()
    """Labels, such as ``m3d[factor=1]``."""
    datasets: Sequence[str] = ()
    """Names of datasets, such as ``birds``, or what was chosen: ``folder:PATH``, with or without its settings."""
    ipc: Sequence[int] = ()
    seeds: Sequence[int] = ()
    protocol: Sequence[str] = ()
    networks: Sequence[str] = ()
    evaluators: Sequence[str] = ()
    """Names of records, or labels, which are names with settings in brackets."""
    split: str = ""
    also_under: Mapping[str, str] = field(default_factory=dict)
    """The protocol of a method whose results pass in addition to those of *protocol*."""
    without_protocol: bool = False
    """Whether metrics of evaluators that follow no protocol pass in addition to those of *protocol*."""

    def apply(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of *table* that pass."""
        wanted: dict[str, Sequence[Any]] = {
            "label": self.methods,
            "ipc": self.ipc,
            "replicate": self.seeds,
            "network": self.networks,
            "split": [self.split] if self.split else [],
        }
        for column, values in wanted.items():
            if values and column in table:
                table = table[table[column].isin(list(values))]
        if self.datasets:
            chosen = _covered(table["dataset_choice"].dropna().unique(), self.datasets)
            table = table[table["dataset"].isin(list(self.datasets)) | table["dataset_choice"].isin(chosen)]
        if self.evaluators and "evaluator" in table:
            table = table[table[["evaluator", "evaluator_label"]].isin(list(self.evaluators)).any(axis=1)]
        if self.protocol and "protocol" in table:
            own = table["method"].map(dict(self.also_under))
            free = (table["protocol"] == "") & self.without_protocol
            table = table[table["protocol"].isin(list(self.protocol)) | (table["protocol"] == own) | free]
        return table

    def unmet(self, table: pd.DataFrame) -> Iterator[str]:
        """Yield a line for each wanted value that no row of *table* has, with the values that there are.

        If each value fits a row and no row fits all of them, there is one line on that.
        """
        met = True
        for name, column in _COLUMN_OF.items():
            for value in getattr(self, name):
                alone: dict[str, Any] = {name: (value,)}
                if Filter(**alone).apply(table).empty:
                    met = False
                    yield f"no finished cell here has --{name} {value}; there is {_some(table[column], str(value))}"
        if met and not table.empty and self.apply(table).empty:
            yield "no finished cell here fits all of what was chosen"


def _some(column: pd.Series[Any], wanted: str) -> str:
    """Return the values of *column* as text; of many, those whose spelling is closest to *wanted*."""
    there = sorted(value for value in column.dropna().unique() if value != "")
    if len(there) <= _SHOWN:
        return ", ".join(map(str, there)) or "none at all"
    nearest = sorted(there, key=lambda value: -SequenceMatcher(a=str(value), b=wanted).ratio())[:_SHOWN]
    return f"{', '.join(map(str, nearest))} and {len(there) - _SHOWN} more"


def _covered(choices: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """Return those of *choices* that one of *wanted* covers."""
    covering = list(_parsed(wanted).values())
    return [text for text, choice in _parsed(choices).items() if any(each.covers(choice) for each in covering)]


def _parsed(texts: Iterable[str]) -> dict[str, Selector]:
    parsed = {}
    for text in texts:
        with suppress(RequestError):  # the name of a dataset need not be a selector
            parsed[text] = parse_selector(text)
    return parsed
