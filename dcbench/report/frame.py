"""The store as one DataFrame: a row for every figure of every repeat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from dcbench.engine.cells import digest_of
from dcbench.engine.store.evaluations import read_evaluation
from dcbench.engine.store.failures import read_failure
from dcbench.engine.store.hdf5 import CorruptFileError
from dcbench.engine.store.layout import Layout

COLUMNS = [
    "dataset",
    "method",
    "label",
    "ipc",
    "seed",
    "split",
    "evaluator",
    "protocol",
    "network",
    "figure",
    "kind",
    "main",
    "reference",
    "settings",
    "departures",
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
]
"""Columns of the frame.

``kind`` says what a figure is, percent or distance; ``main`` marks the figure that tables show; ``reference`` a row
that is exempt from the budget and does not compete; ``departures`` holds the recommended value of each setting that
has another one; ``source`` is the record of the dataset, such as ``folder``; ``dataset_choice`` and ``method_choice``
select both on the command line; ``classes`` and ``train_images`` are counts of what was condensed; ``step`` is that of
the snapshot that was evaluated, missing for the final set; ``variant`` tells apart what must never pool: settings,
revision, data and recipe.
"""


@dataclass(frozen=True)
class Filter:
    """Which results to look at; an empty field lets everything through."""

    methods: Sequence[str] = ()
    """Labels, such as ``m3d[factor=1]``."""
    datasets: Sequence[str] = ()
    ipc: Sequence[int] = ()
    seeds: Sequence[int] = ()
    protocol: Sequence[str] = ()
    networks: Sequence[str] = ()
    evaluators: Sequence[str] = ()
    split: str = ""
    also_under: Mapping[str, str] = field(default_factory=dict)
    """Methods that have a protocol whose results pass whatever *protocol* says."""

    def apply(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of *table* that pass."""
        wanted: dict[str, Sequence[Any]] = {
            "label": self.methods,
            "dataset": self.datasets,
            "ipc": self.ipc,
            "seed": self.seeds,
            "network": self.networks,
            "evaluator": self.evaluators,
            "split": [self.split] if self.split else [],
        }
        for column, values in wanted.items():
            if values and column in table:
                table = table[table[column].isin(list(values))]
        if self.protocol and "protocol" in table:
            own = table["method"].map(dict(self.also_under))
            table = table[table["protocol"].isin(list(self.protocol)) | (table["protocol"] == own)]
        return table


def frame(results: Path | str = "results") -> pd.DataFrame:
    """Return every evaluation in the folder *results*, one row for each figure of each repeat.

    A damaged file is left out with a warning. The columns are `COLUMNS`.
    """
    layout = Layout(Path(results))
    rows = [row for path in layout.all_evaluations() for row in _rows(path)]
    table = pd.DataFrame(rows, columns=COLUMNS)
    # When runs of repeats overlap, as after a merge of two folders, each repeat counts once: the latest.
    table = table.astype({"step": "Int64"}).sort_values("finished", kind="stable")
    return table.drop_duplicates(["key", "figure", "repeat"], keep="last").reset_index(drop=True)


def failures(results: Path | str = "results") -> pd.DataFrame:
    """Return the failures that the folder *results* remembers, one row each."""
    layout = Layout(Path(results))
    columns = ["dataset", "method", "label", "ipc", "seed", "split", "job", "error", "message", "traceback", "time"]
    return pd.DataFrame([read_failure(path) for path in layout.all_failures()], columns=columns)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        facts = read_evaluation(path)
    except CorruptFileError as error:
        import warnings

        warnings.warn(f"{error}; left out of the report", stacklevel=3)
        return
    common = {"kind": "percent"} | {name: facts[name] for name in COLUMNS if name in facts}
    dataset, method = facts["cell"]["dataset"], facts["cell"]["method"]
    common |= {
        "evaluator": facts["evaluator_label"],
        "departures": method.get("departures", {}),
        "source": dataset["record"],
        "dataset_choice": ":".join(filter(None, (dataset["record"], dataset["argument"]))),
        "method_choice": method.get("choice") or facts["label"],
        "classes": len(dataset.get("class_names", ())) or None,
        "train_images": dataset.get("train_images"),
        "variant": _variant(facts),
        "file": str(path),
    }
    for figure, values in facts["figures"].items():
        for number, value in enumerate(values):
            yield common | {
                "figure": figure,
                "main": figure == facts["figure"],
                "repeat": facts["first_repeat"] + number,
                "value": value,
            }


def _variant(facts: dict[str, Any]) -> str:
    cell = facts["cell"]
    return digest_of(
        [
            cell["method"]["digest_settings"],
            cell["method"]["revision"],
            cell["dataset"]["train"],
            cell["dataset"]["test"],
            facts["evaluator_settings"],
            facts["recipe"],
        ]
    )[:12]
