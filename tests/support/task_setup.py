"""Tasks of cells, planned and given to methods as a run does, and a clock for their seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from dcbench import CondensedSet
from dcbench.engine.plan.planner import PlannedCell, Planner
from dcbench.engine.plan.request import make_request
from dcbench.engine.registry import Registry
from dcbench.engine.work.contexts import CellTask

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
