"""The store as one DataFrame: a row for every metric of every repeat."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import pandas as pd

from dcbench.api.errors import RequestError
from dcbench.api.protocol import superseded
from dcbench.api.renamed import warn_renamed
from dcbench.engine.cells import ABOUT
from dcbench.engine.choices import Choice, parse_choice
from dcbench.engine.store.evaluations import read_evaluation
from dcbench.engine.store.facts import STORED_AS
from dcbench.engine.store.layout import Layout
from dcbench.report.datasets import SPEC, title_datasets
from dcbench.report.reading import check_folder, read_failures, read_or_warn

COLUMNS = [
    "dataset",
    "method",
    "label",
    "ipc",
    "replicate",
    "split",
    "evaluator",
    "evaluator_label",
    "protocol",
    "network",
    "metric",
    "unit",
    "main",
    "budget_exempt",
    "settings",
    "overrides",
    "source",
    "dataset_choice",
    "method_choice",
    "classes",
    "train_images",
    "repeat",
    "value",
    "step",
    "variant",
    "digest",
    "key",
    "device",
    "seconds",
    "finished",
    "file",
    "superseded",
]
"""Columns of the frame.

``method`` and ``evaluator`` are names of records, ``label`` and ``evaluator_label`` say how these were chosen, such as
``m3d[factor=1]``; ``unit`` says what a metric is, percent or distance; ``main`` marks the metric that tables show;
``budget_exempt`` marks a reference row, which does not compete; ``overrides`` holds the recommended value of each
setting that has another one; ``source`` is the record of the dataset, such as ``folder``; ``dataset_choice`` and
``method_choice`` select both on the command line; ``classes`` and ``train_images`` are counts of what was condensed;
``step`` is that of the snapshot that was evaluated, missing for the final set; ``variant`` tells apart what must never
pool: it is made of all that is in ``key`` but replicate and step, such as settings, revisions, data and recipe;
``superseded`` says what the recipe does otherwise than its protocol does today, and is empty for one of today.
"""

_FORMER = {
    "figure": "metric",
    "kind": "unit",
    "seed": "replicate",
    "reference": "budget_exempt",
    "departures": "overrides",
}
"""Former names of columns, each with that of today."""

IN_FRAMES = {stored: name for name, stored in STORED_AS.items()}
"""What columns are called where facts have another word."""

_FAILURE = [*ABOUT, "job", "error", "message", "traceback", "time"]


_TITLES = ["label", "method_choice", "evaluator_label"]
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
"""Where the values of each field of a filter stand in the frame."""


@dataclass(frozen=True)
class Filter:
    """Which results to look at; an empty field lets everything through."""

    methods: Sequence[str] = ()
    """Labels, such as ``m3d[factor=1]``."""
    datasets: Sequence[str] = ()
    """Names of datasets, such as ``birds``, or what was chosen: ``folder:PATH``, with or without its settings."""
    ipc: Sequence[int] = ()
    seeds: Sequence[int] = ()
    protocol: Sequence[str] = ()
    networks: Sequence[str] = ()
    evaluators: Sequence[str] = ()
    """Names of records, such as ``moments``, or labels, such as ``moments[draws=1]``."""
    split: str = ""
    also_under: Mapping[str, str] = field(default_factory=dict)
    """Methods that have a protocol whose results pass whatever *protocol* says."""
    without_protocol: bool = False
    """Whether metrics of evaluators that follow no protocol, such as ``moments``, pass whatever *protocol* says."""

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
        """Yield a line for each wanted value that no row of *table* has, with those that there are.

        Where each value fits some row and yet none passes, one line says that.
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
    """Return the values of *column* in words; of many, those that look most like *wanted*."""
    there = sorted(value for value in column.dropna().unique() if value != "")
    if len(there) <= _SHOWN:
        return ", ".join(map(str, there)) or "none at all"
    nearest = sorted(there, key=lambda value: -SequenceMatcher(a=str(value), b=wanted).ratio())[:_SHOWN]
    return f"{', '.join(map(str, nearest))} and {len(there) - _SHOWN} more"


def _covered(choices: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """Return those of *choices* that one of *wanted* covers."""
    covering = list(_parsed(wanted).values())
    return [text for text, choice in _parsed(choices).items() if any(each.covers(choice) for each in covering)]


def _parsed(texts: Iterable[str]) -> dict[str, Choice]:
    parsed = {}
    for text in texts:
        with suppress(RequestError):  # the name of a dataset need not read as a choice
            parsed[text] = parse_choice(text)
    return parsed


class ResultsFrame(pd.DataFrame):
    """A `frame` whose columns can be had under their former names too, for one release."""

    def __getitem__(self, key: Any) -> Any:
        """Return what a DataFrame does, and for the former name of a column the column."""
        if isinstance(key, str) and key in _FORMER and key not in self.columns:
            warn_renamed(f"the column {key!r}", repr(_FORMER[key]))
            key = _FORMER[key]
        return super().__getitem__(key)


def frame(results: Path | str = "results") -> ResultsFrame:
    """Return every evaluation in the folder *results*, one row for each metric of each repeat.

    A file that is damaged, or cannot be read now, is left out with a warning. The columns are `COLUMNS`.

    Raises:
        RequestError: there is no such folder.
    """
    check_folder(Path(results))
    layout = Layout(Path(results))
    rows = title_datasets([row for path in layout.all_evaluations() for row in _rows(path)])
    table = pd.DataFrame(rows, columns=COLUMNS)
    # When runs of repeats overlap, as after a merge of two folders, each repeat counts once: the latest.
    table = table.astype({"step": "Int64"}).sort_values("finished", kind="stable")
    # Two choices may mean the same settings: what was run under both has one title, the latest.
    table[_TITLES] = table.groupby("variant")[_TITLES].transform("last")
    return ResultsFrame(table.drop_duplicates(["key", "metric", "repeat"], keep="last").reset_index(drop=True))


def failures(results: Path | str = "results") -> pd.DataFrame:
    """Return the failures that the folder *results* remembers, one row each.

    A record that is damaged, or cannot be read now, is left out with a warning.
    """
    return pd.DataFrame(read_failures(Layout(Path(results)).all_failures()), columns=_FAILURE).rename(columns=IN_FRAMES)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    facts = read_or_warn(read_evaluation, path)
    if facts is None:
        return
    stored = {name: STORED_AS.get(name, name) for name in COLUMNS}
    common = {name: facts[there] for name, there in stored.items() if there in facts}
    dataset, method = facts["cell"]["dataset"], facts["cell"]["method"]
    common |= {
        "overrides": method.get("departures", {}),
        SPEC: dataset,
        "source": dataset["record"],
        "method_choice": method["choice"],
        "classes": len(dataset.get("class_names", ())) or None,
        "train_images": dataset.get("train_images"),
        "file": str(path),
        "superseded": superseded(facts.get("recipe")),
    }
    for metric, values in facts["metrics"].items():
        for number, value in enumerate(values):
            yield common | {
                "metric": metric,
                "main": metric == facts["figure"],
                "repeat": facts["first_repeat"] + number,
                "value": value,
            }
