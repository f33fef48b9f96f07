"""Tasks of cells, planned and given to methods as a run does, and a clock for their seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from filelock import FileLock

from dcbench import CondensedSet, DcbenchError, InvalidCondensedSetError, RequestError
from dcbench.engine.data.splits import split_validation
from dcbench.engine.factories import make_dataset
from dcbench.engine.identity import Cell
from dcbench.engine.jobs import AssembleJob, CondenseJob, EvaluateJob, Job
from dcbench.engine.plan.planner import PlannedCell, Planner
from dcbench.engine.plan.request import make_request
from dcbench.engine.registry import Registry, load_registry
from dcbench.engine.store.evaluations import read_evaluation
from dcbench.engine.store.sets import read_condensed
from dcbench.engine.store.store import Store
from dcbench.engine.work.contexts import CellTask, Data, TrialContext
from dcbench.engine.work.run_job import Order, run_job
from dcbench.engine.work.runtime import Runtime

SETTINGS = {"methods": "toy-first", "datasets": "toy", "evaluators": "count", "ipc": 1}

MakeTask = Callable[..., CellTask]


def planned(registry: Registry, data: Path, **options: Any) -> PlannedCell:
    return Planner(make_request(data=data, **{**SETTINGS, **options}), registry).cells()[0]


def a_set() -> CondensedSet:
    return CondensedSet.of_images(torch.full((3, 1, 8, 8), 0.5), torch.arange(3))


class Clock:
    """A clock in the place of the real one, which moves by `build` alone."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr("dcbench.engine.work.contexts.time.monotonic", lambda: self.now)

    def build(self, seconds: float) -> Callable[[int], dict[str, torch.Tensor]]:
        def build(_: int) -> dict[str, torch.Tensor]:
            self.now += seconds
            return {"weights": torch.arange(3)}

        return build
