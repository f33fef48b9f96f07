"""The checkpoints in ``results/unfinished`` are those of long runs: every version goes on from them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from dcbench.engine.factories import make_dataset
from dcbench.engine.plan.planner import Planner
from dcbench.engine.plan.request import make_request
from dcbench.engine.registry import load_registry
from dcbench.engine.store.hdf5 import reading
from dcbench.engine.store.sets import get_snapshots, get_trace
from dcbench.engine.store.store import Store
from dcbench.engine.store.tensors import get_state
from dcbench.engine.work.contexts import CellTask, Data
from dcbench.engine.work.runtime import Runtime

UNFINISHED = Path(__file__).parents[3] / "results" / "unfinished"
CHECKPOINTS = sorted(UNFINISHED.glob("*/*/ipc*/*.checkpoint.h5"))


class _EnoughError(Exception):
    pass


@pytest.mark.parametrize("path", CHECKPOINTS, ids=lambda path: f"{path.parts[-4]}-{path.parts[-3]}")
def test_a_checkpoint_can_be_read(path: Path) -> None:
    with reading(path, "checkpoint") as file:
        state, trace, snapshots = get_state(file["state"]), get_trace(file["trace"]), get_snapshots(file["snapshots"])
    assert {"images", "momentum", "generator"} <= set(state)
    steps = [step for step, _ in trace["loss"]]
    assert steps == sorted(set(steps))
    assert steps[-1] <= state["step"]
    assert 0 in snapshots


@pytest.mark.real_data
@pytest.mark.skipif("DCBENCH_TEST_DATA" not in os.environ, reason="needs DCBENCH_TEST_DATA")
@pytest.mark.parametrize("path", CHECKPOINTS, ids=lambda path: f"{path.parts[-4]}-{path.parts[-3]}")
def test_a_run_of_today_goes_on_from_it(path: Path, tmp_path: Path) -> None:
    dataset, record, ipc = path.parts[-4], path.parts[-3], int(path.parts[-2].removeprefix("ipc"))
    data, registry = Path(os.environ["DCBENCH_TEST_DATA"]), load_registry()
    request = make_request(methods=record, datasets=dataset, ipc=ipc, data=data, protocol="m3d")
    cell = Planner(request, registry).cells()[0].cell
    store = Store(tmp_path)
    store.checkpoint(cell).parent.mkdir(parents=True)
    shutil.copy(path, store.checkpoint(cell).parent)
    assert store.checkpoint(cell).exists(), "the cell has another name today"
    steps: list[int] = []

    def stop(step: int, total: int, metrics: Mapping[str, float]) -> None:
        steps.append(step)
        raise _EnoughError

    task = CellTask(registry, Data(make_dataset(registry, cell.dataset, data), cell), store, Runtime(), stop)
    method = registry.resolve("methods", record)()
    with pytest.raises(_EnoughError):
        method.condense(task, method.Settings(**cell.method.settings))
    with reading(path, "checkpoint") as file:
        assert steps == [get_state(file["state"])["step"] + 1]
