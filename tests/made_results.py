"""Evaluations written straight into a results folder, for tests of what reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from made_cells import made_cell, made_trial

from dcbench.engine.cells import Cell, CondenseJob
from dcbench.engine.store.evaluations import EvaluationRecord, write_evaluation
from dcbench.engine.store.failures import Failure, write_failure
from dcbench.engine.store.layout import Layout


def cell_of(
    method: str,
    *,
    dataset: str = "toy",
    label: str | None = None,
    ipc: int = 1,
    seed: int = 0,
    split: str = "test",
    settings: Mapping[str, Any] | None = None,
    recommended: bool | None = None,
    source: str | None = None,
) -> Cell:
    """Return the cell of *method*; its settings are those of `made_cells` unless *settings* says otherwise.

    *source* is the record of the dataset; it has the same name unless given.
    """
    changes: dict[str, Any] = {"record": method, "label": label or method, "exempt": method == "whole"}
    changes["recommended"] = recommended
    if settings is not None:
        changes |= {"settings": dict(settings), "digest_settings": dict(settings)}
    return made_cell(ipc, seed, split, method=changes, dataset={"name": dataset, "record": source or dataset})


def add(
    results: Path,
    method: str,
    values: Sequence[float],
    *,
    first: int = 0,
    finished: str = "2026-01-01T00:00:00+00:00",
    protocol: str = "dc",
    network: str = "convnet3",
    best: Sequence[float] = (),
    evaluator: str = "accuracy",
    kind: str = "percent",
    **cell: Any,
) -> Path:
    """Write repeats *first*, *first* + 1, ... of one trial; *best* are best-epoch accuracies beside them."""
    settings = {"protocol": protocol, "network": network}
    trial = made_trial(
        cell_of(method, **cell),
        record=evaluator,
        label=evaluator,
        figure="accuracy",
        kind=kind,
        settings=settings,
        digest_settings=settings,
    )
    repeats = range(first, first + len(values))
    figures = {"accuracy": tuple(values)} | ({"accuracy_best_epoch": tuple(best)} if best else {})
    path = Layout(results).evaluation(trial, repeats)
    facts = {"device": "a processor", "seconds": 1.5, "finished": finished}
    write_evaluation(path, EvaluationRecord(trial, repeats, figures, facts))
    return path


def add_failure(results: Path, method: str, **cell: Any) -> Path:
    """Write the failure of a condensing job."""
    job = CondenseJob(cell=cell_of(method, **cell))
    return write_failure(Layout(results), job, Failure("ValueError", "it broke", "Traceback ..."))
