"""A results folder as DataFrames: evaluations, condensed sets and failures."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from dcbench.api.errors import RequestError
from dcbench.api.protocol import superseded
from dcbench.api.renamed import warn_renamed
from dcbench.engine.data.standard import is_other
from dcbench.engine.identity import ABOUT, OTHER_DATA
from dcbench.engine.store.evaluations import read_evaluation
from dcbench.engine.store.facts import STORED_AS, read_about
from dcbench.engine.store.hdf5 import get_facts
from dcbench.engine.store.store import Store
from dcbench.report.cache import Record, read_cached
from dcbench.report.filters import Filter
from dcbench.report.plugins import fingerprints_of
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
    "fallbacks",
    "precision",
]
"""Columns of the frame.

``method`` and ``evaluator`` are names of records, ``label`` and ``evaluator_label`` are selectors, such as
``m3d[factor=1]``; ``unit`` is that of the metric, percent or distance; ``main`` marks the metric that tables show;
``budget_exempt`` marks a reference row, which does not compete; ``overrides`` holds the recommended value of each
setting that has another one; ``source`` is the record of the dataset, such as ``folder``; ``dataset_choice`` and
``method_choice`` select both on the command line; ``classes`` and ``train_images`` are counts of what was condensed;
``step`` is that of the snapshot that was evaluated, missing for the final set; ``variant`` differs between results
that must never pool: it is a hash of all that is in ``key`` but replicate and step, such as settings, revisions, data
and recipe;
``superseded`` is in what the recipe differs from that of its protocol today, and is empty if it does not;
``fallbacks`` has what ran in another way than it was asked for, such as eagerly, for the set or its evaluation;
``precision`` is what ``--precision`` takes to make the number again.
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
"""The names of columns whose name in facts is another one."""

_FAILURE = [*ABOUT, "job", "error", "message", "traceback", "time"]


_TITLES = ["label", "method_choice", "evaluator_label"]


class ResultsFrame(pd.DataFrame):
    """A `frame` whose columns can be had under their former names too, for one release."""

    def __getitem__(self, key: Any) -> Any:
        """Return what a DataFrame returns; the former name of a column leads to the column."""
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
    root = Path(results)
    check_folder(root)
    found = read_cached(root, Store(root).all_evaluations(), _evaluation, _CODE)
    rows = title_datasets([row for path, record in found for row in _rows(path, record)])
    table = pd.DataFrame(rows, columns=COLUMNS)
    # When runs of repeats overlap, as after a merge of two folders, each repeat counts once: the latest.
    table = table.astype({"step": "Int64"}).sort_values("finished", kind="stable")
    # Two selectors may mean the same settings: results of both have one title, the latest.
    table[_TITLES] = table.groupby("variant")[_TITLES].transform("last")
    return ResultsFrame(table.drop_duplicates(["key", "metric", "repeat"], keep="last").reset_index(drop=True))


def failures(results: Path | str = "results") -> pd.DataFrame:
    """Return the failures that the folder *results* remembers, one row each.

    A record that is damaged, or cannot be read now, is left out with a warning.
    """
    return pd.DataFrame(read_failures(Store(Path(results)).all_failures()), columns=_FAILURE).rename(columns=IN_FRAMES)


@dataclass(frozen=True)
class Results:
    """A results folder as a report reads it."""

    root: Path
    evaluations: pd.DataFrame
    """Those that a filter lets through, as `frame` returns them."""
    failures: pd.DataFrame
    """All that the folder remembers, as `failures` returns them."""

    @cached_property
    def sets(self) -> pd.DataFrame:
        """All condensed sets of the folder, as `sets` returns them; read when they are first needed."""
        return sets(self.root)


def read_results(root: Path, chosen: Filter, *, needed: bool = False) -> Results:
    """Return the evaluations in the folder *root* that *chosen* lets through, with the failures.

    Warns of each value of the filter that fits no evaluation, since it may be misspelt, and of values that fit none
    together.

    Raises:
        RequestError: there is no such folder; or nothing passes for that reason, and something is *needed*.
    """
    table = frame(root)
    passed, unmet = chosen.apply(table), list(chosen.unmet(table))
    if needed and unmet and passed.empty and not table.empty:
        raise RequestError(unmet[0])
    for line in unmet:
        warnings.warn(line, stacklevel=3)
    return Results(root, passed, failures(root))


_STORED = {name: STORED_AS.get(name, name) for name in COLUMNS}


def _evaluation(path: Path) -> Record | None:
    """Return what the frame needs of the evaluation at *path*; None for one that cannot be read."""
    facts = read_or_warn(read_evaluation, path)
    if facts is None:
        return None
    dataset, method = facts["cell"]["dataset"], facts["cell"]["method"]
    found = {name: facts[stored] for name, stored in _STORED.items() if stored in facts}
    return found | {
        "overrides": method.get("departures", {}),
        SPEC: {name: dataset[name] for name in _SPEC if name in dataset},
        "method_choice": method["choice"],
        "classes": len(dataset.get("class_names", ())) or None,
        "train_images": dataset.get("train_images"),
        "recipe": facts.get("recipe"),
        "first_repeat": facts["first_repeat"],
        "metrics": facts["metrics"],
        "fallbacks": "; ".join(_fallbacks(facts.get("ran") or {})),
        "precision": _precision(method.get("arithmetic", "float32"), facts.get("arithmetic", "float32")),
    }


def _rows(path: Path, record: Record) -> Iterator[dict[str, Any]]:
    """Yield a row for each metric of each repeat in *record*, which `_evaluation` made of *path*."""
    common = {name: value for name, value in record.items() if name not in ("recipe", "first_repeat", "metrics")}
    common |= {
        "source": record[SPEC]["record"],
        "file": str(path),
        "superseded": superseded(record["recipe"]),
    }
    for metric, values in record["metrics"].items():
        for number, value in enumerate(values):
            yield common | {
                "metric": metric,
                "main": metric == record["metric"],
                "repeat": record["first_repeat"] + number,
                "value": value,
            }


def _precision(condensing: str, evaluating: str) -> str:
    """Return the option of both: networks are trained in a finer precision than they are matched in."""
    return evaluating if condensing == "float32" else condensing


def _fallbacks(ran: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys([*ran.get("condensing", ()), *ran.get("fallbacks", ())]))


_FACTS = [*ABOUT, "settings", "seconds", "device", "finished", "numbers", "versions", "runtime", "origin"]

_DATA, _REVISIONS = ("train", "mean", "std", "mirror_ok"), ("revision", "network_revision")

SET_COLUMNS = [IN_FRAMES.get(name, name) for name in (*_FACTS, "conditions", "snapshots", "file")]
"""Columns of the frame.

``settings``, ``versions`` and ``runtime`` are dicts, and so is ``conditions``: all that a set depends on but method,
settings, IPC and replicate, which is the data, by fingerprint and statistics, and the revisions of method and network;
``origin`` is where an imported set is from; ``seconds`` were spent condensing, breaks aside; ``numbers`` counts pixels
and soft labels; ``snapshots`` is a dict from the step of each snapshot to the seconds after which it was taken, None
if an older file does not record them.
"""


def sets(results: Path | str = "results") -> pd.DataFrame:
    """Return every condensed set in the folder *results*, one row each, with `SET_COLUMNS`.

    A file that is damaged, or cannot be read now, is left out with a warning; damage to images alone goes unnoticed,
    since none is read.
    """
    root = Path(results)
    found = read_cached(root, Store(root).all_condensed(), _set, _CODE)
    rows = title_datasets([_set_row(path, record) for path, record in found])
    return pd.DataFrame(rows, columns=[*_FACTS, "conditions", "snapshots", "file"]).rename(columns=IN_FRAMES)


def _set(path: Path) -> Record | None:
    """Return what the frame needs of the condensed set at *path*; None for one that cannot be read."""
    read = read_or_warn(read_about, path)
    if read is None:
        return None
    facts, snapshots = read
    dataset, method = facts["cell"]["dataset"], facts["cell"]["method"]
    conditions = {name: dataset[name] for name in _DATA} | {name: method.get(name, 1) for name in _REVISIONS}
    spec = {name: dataset[name] for name in _SPEC if name in dataset}
    found = {SPEC: spec, "conditions": conditions, "snapshots": list(snapshots.items())}
    return {name: facts.get(name) for name in _FACTS} | found


def _set_row(path: Path, record: Record) -> dict[str, Any]:
    snapshots = {int(step): seconds for step, seconds in record["snapshots"]}
    return record | {"snapshots": snapshots, "file": str(path)}


_CODE = (read_evaluation, read_about, get_facts, _evaluation)
"""The functions that determine which records `_evaluation` and `_set` return."""


SPEC = "dataset_spec"
"""The field with what `title_datasets` needs of the dataset of a row."""

_SPEC = ("record", "name", "train", "test", "other_data")


def title_datasets(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return *rows* with the title of each ``dataset``, and without `SPEC`.

    Files of older versions do not record whether their data is the standard one. It follows from their fingerprints,
    if these are known, or from newer files about the same data.
    """
    others = {_data(row[SPEC]) for row in rows if is_other(row[SPEC], _known(row[SPEC]))}
    for row in rows:
        spec = row.pop(SPEC)
        if _data(spec) in others:
            row["dataset"] = f"{spec['name']}{OTHER_DATA}"
    return rows


def _data(spec: Mapping[str, Any]) -> tuple[str, str, str]:
    return spec["name"], spec["train"], spec["test"]


def _known(spec: Mapping[str, Any]) -> Mapping[str, str]:
    return {} if spec.get("other_data") is not None else fingerprints_of(spec["record"])
