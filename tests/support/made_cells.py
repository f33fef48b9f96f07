"""Cells and trials that need no plug-in, for tests of names, of the store and of what is still to do."""

from __future__ import annotations

from typing import Any

from dcbench.engine.identity import Cell, DatasetSpec, EvaluatorSpec, MethodSpec, Trial

DATASET = DatasetSpec(
    record="toy",
    settings={},
    choice="toy",
    name="toy",
    train="aa",
    test="bb",
    mean=(0.5,),
    std=(0.25,),
    mirror_ok=False,
    other_data="",
)
METHOD = MethodSpec(
    record="toy-slow",
    label="toy-slow",
    choice="toy-slow",
    revision=1,
    settings={"lr": 1.0},
    digest_settings={"lr": 1.0},
    factor=1,
)
EVALUATOR = EvaluatorSpec(
    record="count",
    label="count",
    revision=1,
    metric="pixel",
    settings={"protocol": "p", "network": "n"},
    digest_settings={"protocol": "p", "network": "n"},
    recipe={"epochs": 2, "repeats": 3},
    digest_recipe={"epochs": 2},
)


def made_cell(ipc: int = 1, replicate: int = 0, split: str = "test", **changes: dict[str, Any]) -> Cell:
    """Return a cell; *changes* are applied to its ``dataset`` and its ``method``."""
    return Cell(
        dataset=DATASET.model_copy(update=changes.get("dataset", {})),
        method=METHOD.model_copy(update=changes.get("method", {})),
        ipc=ipc,
        replicate=replicate,
        split=split,
    )


def made_trial(cell: Cell | None = None, **evaluator: Any) -> Trial:
    """Return a trial of *cell*; the rest changes its evaluator."""
    return Trial(cell=cell or made_cell(), evaluator=EVALUATOR.model_copy(update=evaluator))
