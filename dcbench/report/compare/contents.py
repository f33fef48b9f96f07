"""The condensed sets and trials of a results folder, by name, with facts on how each was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from dcbench.engine.identity import ABOUT
from dcbench.engine.store.evaluations import read_evaluation
from dcbench.engine.store.facts import read_about
from dcbench.engine.store.store import Store
from dcbench.report.filters import Filter
from dcbench.report.reading import read_or_warn
from dcbench.report.results import IN_FRAMES, frame

SET = "condensed set"

_PROVENANCE = ("label", "device", "runtime", "versions", "chunk", "artifacts")
"""Facts on how something was made, which are not part of its name."""


class Coordinates(NamedTuple):
    """The words for a condensed set or a trial, without its digest."""

    dataset: str
    ipc: int
    label: str
    split: str
    what: str
    """`SET`, or the evaluation: evaluator, protocol, network, step."""


@dataclass(frozen=True)
class Entry:
    """A condensed set, or a trial with all of its repeats."""

    coordinates: Coordinates
    replicate: int
    digest: str
    """Of the cell."""
    identity: Mapping[str, str]
    """The parts of its name other than dataset, IPC and replicate; of a trial, other than its cell."""
    provenance: Mapping[str, str]
    """How it was made; a fact has several values, joined by commas, where the files of a trial differ in it."""
    finished: str
    files: tuple[Path, ...]


@dataclass(frozen=True)
class Contents:
    """A results folder, or what a filter lets through of it."""

    sets: Mapping[str, Entry]
    """Condensed sets by digest."""
    trials: Mapping[str, Entry]
    """Trials by key."""
    metrics: pd.DataFrame
    """The frame of these trials, main metrics only."""

    @cached_property
    def entries(self) -> dict[str, Entry]:
        """Sets and trials by name."""
        return {**self.sets, **self.trials}


def read_contents(results: Path, chosen: Filter) -> Contents:
    """Return what *chosen* lets through of the folder *results*.

    A file that is damaged, or cannot be read now, is left out with a warning.

    Raises:
        RequestError: there is no such folder.
    """
    metrics = chosen.apply(frame(results))
    metrics = metrics[metrics["main"].astype(bool)]
    files = {str(key): list(dict.fromkeys(group)) for key, group in metrics.groupby("key")["file"]}
    trials = {key: _trial([Path(path) for path in paths]) for key, paths in files.items()}
    return Contents(_sets(Store(results), chosen), trials, metrics)


def _sets(store: Store, chosen: Filter) -> dict[str, Entry]:
    read = ((read_or_warn(read_about, path), path) for path in store.all_condensed())
    found = {about[0]["digest"]: (about[0], path) for about, path in read if about is not None}
    table = pd.DataFrame([facts for facts, _ in found.values()], columns=list(ABOUT)).rename(columns=IN_FRAMES)
    return {digest: _set(*found[digest]) for digest in chosen.apply(table)["digest"]}


def _set(facts: Mapping[str, Any], path: Path) -> Entry:
    dataset, method = facts["cell"]["dataset"], facts["cell"]["method"]
    identity = {
        "training data": dataset["train"][:12],
        "mean": dataset["mean"],
        "std": dataset["std"],
        "mirror_ok": dataset["mirror_ok"],
        "method": method["record"],
        "revision": method["revision"],
        "network revision": method.get("network_revision", 1),
        "arithmetic": method.get("arithmetic", "float32"),
        "settings": method["digest_settings"],
    }
    return _entry([facts], SET, identity, (path,))


def _trial(files: Sequence[Path]) -> Entry:
    records = [read_evaluation(path) for path in files]
    facts = records[0]
    identity = {
        "test data": facts["cell"]["dataset"]["test"][:12],
        "evaluator revision": facts["evaluator_revision"],
        "evaluator": facts["evaluator_settings"],
        "network revision": facts.get("network_revision", 1),
        "arithmetic": facts.get("arithmetic", "float32"),
        "recipe": {name: value for name, value in (facts.get("recipe") or {}).items() if name != "repeats"},
    }
    names = ", ".join(name for name in (facts["protocol"], facts["network"]) if name)
    what = facts["evaluator_label"] + (f" ({names})" if names else "")
    step = facts.get("step")
    return _entry(records, what if step is None else f"{what} at step {step}", identity, tuple(files))


def _entry(
    records: Sequence[Mapping[str, Any]], what: str, identity: Mapping[str, Any], files: tuple[Path, ...]
) -> Entry:
    facts = records[0]
    return Entry(
        Coordinates(facts["dataset"], facts["ipc"], facts["label"], facts["split"], what),
        facts["seed"],
        facts["digest"],
        _flat(identity),
        _joined([_provenance(each) for each in records]),
        max(str(each.get("finished", "")) for each in records),
        files,
    )


def _provenance(facts: Mapping[str, Any]) -> dict[str, str]:
    made = {name: facts[name] for name in _PROVENANCE if name in facts}
    if "origin" in facts:
        made["imported from"] = (facts["origin"] or {}).get("sha256", "")[:12]
    return _flat(made)


def _joined(records: Sequence[Mapping[str, str]]) -> dict[str, str]:
    names = dict.fromkeys(name for record in records for name in record)
    return {name: ", ".join(sorted({record[name] for record in records if name in record})) for name in names}


def _flat(facts: Mapping[str, Any], head: str = "") -> dict[str, str]:
    """Return nested mappings as one of texts, with dotted names: ``runtime.threads``."""
    flat: dict[str, str] = {}
    for name, value in facts.items():
        flat |= _flat(value, f"{head}{name}.") if isinstance(value, Mapping) else {f"{head}{name}": str(value)}
    return flat
