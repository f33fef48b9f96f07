"""Evaluations in HDF5: named metrics with one value per repeat, and all else that a report needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dcbench.engine.identity import Trial, other_arithmetic
from dcbench.engine.store.facts import EvaluationFacts, check_evaluation_name, check_facts
from dcbench.engine.store.hdf5 import get_array, get_facts, put_array, put_facts, reading, writing

FILE_TYPE = "evaluation"


@dataclass(frozen=True)
class StoredEvaluation:
    """A run of repeats of one trial."""

    trial: Trial
    repeats: range
    metrics: Mapping[str, tuple[float, ...]]
    facts: Mapping[str, Any]
    """Provenance: runtime, versions, device, seconds, peak memory."""


def write_evaluation(path: Path, record: StoredEvaluation) -> None:
    """Write *record* to *path*, whole or not at all."""
    evaluator = record.trial.evaluator
    with writing(path, FILE_TYPE) as file:
        put_facts(
            file,
            record.trial.cell.facts()
            | {
                "key": record.trial.key,
                "variant": record.trial.variant,
                "step": record.trial.step,
                "evaluator": evaluator.record,
                "evaluator_label": evaluator.label,
                "evaluator_revision": evaluator.revision,
                "evaluator_settings": evaluator.settings,
                "protocol": str(evaluator.settings.get("protocol", "")),
                "network": str(evaluator.settings.get("network", "")),
                "network_revision": evaluator.network_revision,
                "figure": evaluator.metric,
                "kind": evaluator.unit,
                "recipe": evaluator.recipe,
                "first_repeat": record.repeats.start,
            }
            | other_arithmetic(evaluator)
            | dict(record.facts),
        )
        metrics = file.create_group("figures")
        for name, values in record.metrics.items():
            put_array(metrics, name, values)


def read_evaluation(path: Path) -> dict[str, Any]:
    """Return the facts of the evaluation at *path*, and under ``metrics`` the values by name.

    Raises:
        CorruptFileError: see `reading`; or its facts are not those of an evaluation, or of another than its name says.
        UnreadableFileError, UnsupportedFormatError, FileNotFoundError: see `reading`.
    """
    with reading(path, FILE_TYPE) as file:
        group = file["figures"]
        metrics = {name: get_array(group, name).tolist() for name in group}
        _check_values(metrics)
        facts = get_facts(file)
        check_facts(facts, EvaluationFacts)
        check_evaluation_name(path, facts, metrics)
        return facts | {"metrics": metrics}


def _check_values(metrics: Mapping[str, Any]) -> None:
    for name, values in metrics.items():
        if not isinstance(values, list) or not all(isinstance(value, float | int) for value in values):
            raise ValueError(f"{name!r} has other values than one number for each repeat")
