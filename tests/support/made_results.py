"""Evaluations written straight into a results folder, for tests of what reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dcbench.engine.identity import Cell
from dcbench.engine.jobs import CondenseJob
from dcbench.engine.store.evaluations import StoredEvaluation, write_evaluation
from dcbench.engine.store.failures import Failure
from dcbench.engine.store.store import Store
from support.made_cells import made_cell, made_trial


def cell_of(
    method: str,
    *,
    dataset: str = "toy",
    label: str | None = None,
    ipc: int = 1,
    replicate: int = 0,
    split: str = "test",
    settings: Mapping[str, Any] | None = None,
    overrides: Mapping[str, Any] | None = None,
    source: str | None = None,
    choice: str | None = None,
    class_names: Sequence[str] = (),
    train_images: int | None = None,
    train: str = "aa",
    method_revision: int = 1,
) -> Cell:
    """Return the cell of *method*; its settings are those of `made_cells` unless *settings* says otherwise.

    *source* is the record of the dataset, and *choice* what chose it; both are its name unless given. *train* is the
    fingerprint of its training split.
    """
    label = label or method
    changes: dict[str, Any] = {"record": method, "label": label, "selector": label, "budget_exempt": method == "whole"}
    changes |= {"overrides": dict(overrides or {}), "revision": method_revision}
    if settings is not None:
        changes |= {"settings": dict(settings), "digest_settings": dict(settings)}
    data = {
        "name": dataset,
        "record": source or dataset,
        "selector": choice or dataset,
        "class_names": class_names,
        "train_images": train_images,
        "train": train,
    }
    return made_cell(ipc, replicate, split, method=changes, dataset=data)


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
    evaluator_label: str | None = None,
    revision: int = 1,
    repeats: int = 5,
    unit: str = "percent",
    metrics: Mapping[str, Sequence[float]] | None = None,
    step: int | None = None,
    recipe: Mapping[str, Any] | None = None,
    **cell: Any,
) -> Path:
    """Write repeats *first*, *first* + 1, ... of one trial; *best* are best-epoch accuracies next to them.

    *metrics* take the place of both; the first is the one that tables show. *step* is that of the snapshot which they
    are of; None means the final set. *revision* and *evaluator_label* are those of the evaluator, *repeats* how
    many the protocol asks for, *recipe* what else its recipe says.
    """
    metrics = metrics or {"accuracy": values} | ({"accuracy_best_epoch": best} if best else {})
    settings = {"protocol": protocol, "network": network}
    trial = made_trial(
        cell_of(method, **cell),
        record=evaluator,
        label=evaluator_label or evaluator,
        revision=revision,
        metric=next(iter(metrics)),
        unit=unit,
        settings=settings,
        digest_settings=settings,
        recipe={"epochs": 2, "repeats": repeats, **(recipe or {})},
        digest_recipe=dict(recipe) if recipe else None,
    ).model_copy(update={"step": step})
    made = range(first, first + len(next(iter(metrics.values()))))
    path = Store(results).evaluation(trial, made)
    facts = {"device": "a processor", "seconds": 1.5, "finished": finished}
    write_evaluation(
        path, StoredEvaluation(trial, made, {name: tuple(given) for name, given in metrics.items()}, facts)
    )
    return path


def add_sets(results: Path, method: str, value: float, sets: int = 6, **more: Any) -> None:
    """Write evaluations of as many *sets*, one repeat each, whose values lie around *value* alike for each method."""
    for replicate in range(sets):
        add(results, method, [value + (replicate - (sets - 1) / 2) / 10], replicate=replicate, **more)


def add_failure(results: Path, method: str, **cell: Any) -> Path:
    """Write the failure of a condensing job."""
    job = CondenseJob(cell=cell_of(method, **cell))
    return Store(results).keep_failure(job, Failure("ValueError", "it broke", "Traceback ..."))
