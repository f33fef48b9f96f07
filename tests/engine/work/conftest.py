"""A registry, a cell, and its task made anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from support.task_setup import Clock, MakeTask, planned

from dcbench.engine.factories import make_dataset
from dcbench.engine.identity import Cell
from dcbench.engine.registry import Registry, load_registry
from dcbench.engine.store.store import Store
from dcbench.engine.work.contexts import CellTask, Data
from dcbench.engine.work.runtime import Runtime


@pytest.fixture(scope="module")
def registry(toys: Path) -> Registry:
    return load_registry()


@pytest.fixture
def cell(registry: Registry, tmp_path: Path) -> Cell:
    return planned(registry, tmp_path).cell


@pytest.fixture
def task(registry: Registry, tmp_path: Path, cell: Cell) -> MakeTask:
    """Make a task of the same cell anew, as another process would."""

    def make(
        report: Callable[[int, int, Mapping[str, float]], None] = lambda *_: None,
        part: range | None = None,
        **runtime: float,
    ) -> CellTask:
        data = Data(make_dataset(registry, cell.dataset, tmp_path), cell)
        return CellTask(registry, data, Store(tmp_path / "results"), Runtime(**runtime), report, part)

    return make


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)
