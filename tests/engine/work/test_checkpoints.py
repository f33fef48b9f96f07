from __future__ import annotations

import time
from pathlib import Path

import h5py
import pytest
import torch
from support.task_setup import Clock, MakeTask, a_set

from dcbench.engine.identity import Cell
from dcbench.engine.store.store import Store
from dcbench.engine.work.contexts import CellTask


def test_a_part_has_a_checkpoint_of_its_own(task: MakeTask) -> None:
    for part, step in ((None, 1), (range(1), 2), (range(1, 3), 3)):
        task(part=part, checkpoint_seconds=0).checkpoint(lambda step=step: {"step": step})
    assert [task(part=part).resume() for part in (None, range(1), range(1, 3), range(3))] == [
        {"step": 1}, {"step": 2}, {"step": 3}, None
    ]  # fmt: skip


def test_a_resumed_run_counts_an_artifact_once_whether_it_asks_again_or_not(task: MakeTask, clock: Clock) -> None:
    first = task(checkpoint_seconds=0)
    first.artifact({}, clock.build(20.0))
    clock.now += 1.0
    first.checkpoint(lambda: {"step": 1})
    second = task()
    second.resume()
    assert second.seconds == 21.0
    assert second.artifacts.hashes == first.artifacts.hashes
    second.artifact({}, clock.build(99.0))
    assert second.seconds == 21.0


@pytest.mark.parametrize("place", ["trace", "state", "snapshots", "artifacts", "trace/loss"])
def test_a_checkpoint_whose_parts_are_of_another_kind_does_not_block_its_cell(
    task: MakeTask, tmp_path: Path, cell: Cell, place: str
) -> None:
    made = task(checkpoint_seconds=0)
    made.progress(1, 9, loss=0.5)
    made.checkpoint(lambda: {"step": 1})
    path = Store(tmp_path / "results").checkpoint(cell)
    with h5py.File(path, "r+") as file:
        del file[place]
        file[place] = 3
    again = task()
    assert again.resume() is None
    assert again.recorder.trace == {}, "nothing of it is taken over"
    assert [found.name for found in path.parent.iterdir()] == [f"{path.name}.corrupt"]


def test_a_checkpoint_brings_back_state_trace_and_snapshots(task: MakeTask) -> None:
    made = task(checkpoint_seconds=0)
    made.snapshot(0, a_set())
    made.progress(1, 9, loss=0.5)
    made.checkpoint(lambda: {"images": torch.ones(2), "step": 1})
    again = task()
    state = again.resume()
    assert state is not None
    assert (state["step"], state["images"].tolist()) == (1, [1.0, 1.0])
    assert again.recorder.trace == {"loss": [(1, 0.5)]}
    assert list(again.recorder.snapshots) == [0]


def test_the_state_is_only_asked_for_when_it_is_time(task: MakeTask, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    now = [time.monotonic()]
    monkeypatch.setattr("dcbench.engine.work.contexts.time.monotonic", lambda: now[0])
    made = task(checkpoint_seconds=30)
    for _ in range(10):
        now[0] += 10
        made.checkpoint(lambda: asked.append(now[0]) or {"step": 1})
    assert len(asked) == 3


def test_writing_checkpoints_takes_a_small_share_of_the_time(task: MakeTask, monkeypatch: pytest.MonkeyPatch) -> None:
    now, written = [time.monotonic()], []

    def slow() -> dict[str, int]:
        now[0] += 10
        written.append(now[0])
        return {"step": 1}

    monkeypatch.setattr("dcbench.engine.work.contexts.time.monotonic", lambda: now[0])
    started, made = now[0], task(checkpoint_seconds=30)
    for _ in range(200):
        now[0] += 10
        made.checkpoint(slow)
    assert len(written) > 2
    assert 10 * len(written) <= 0.1 * (now[0] - started)


def test_seconds_count_the_stretch_before_a_break_and_snapshots_say_theirs(
    task: MakeTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("dcbench.engine.work.contexts.time.monotonic", lambda: now[0])

    def work(made: CellTask, step: int, seconds: float) -> None:
        now[0] += seconds
        made.snapshot(step, a_set())
        made.checkpoint(lambda: {"step": step})

    first = task(checkpoint_seconds=0)
    work(first, 0, 2.0)
    work(first, 10, 5.0)
    now[0] += 100.0  # lost: no checkpoint was written after it
    second = task(checkpoint_seconds=0)
    assert second.resume() == {"step": 10}
    assert second.seconds == 7.0
    work(second, 20, 3.0)
    third = task()
    third.resume()
    now[0] += 1.0
    assert third.seconds == 11.0
    assert third.recorder.snapshot_seconds == {0: 2.0, 10: 7.0, 20: 10.0}


def test_a_checkpoint_of_an_older_version_is_resumed_without_its_seconds(
    task: MakeTask, tmp_path: Path, cell: Cell
) -> None:
    made = task(checkpoint_seconds=0)
    made.snapshot(0, a_set())
    made.checkpoint(lambda: {"step": 1})
    with h5py.File(Store(tmp_path / "results").checkpoint(cell), "r+") as file:
        del file.attrs["seconds"], file["snapshots"].attrs["seconds"]
    again = task()
    assert again.resume() == {"step": 1}
    assert again.recorder.snapshot_seconds == {}
    assert 0 <= again.seconds < made.seconds


def test_there_is_nothing_to_resume_at_first(task: MakeTask) -> None:
    assert task().resume() is None


def test_a_damaged_checkpoint_is_set_aside_for_a_fresh_start(task: MakeTask, tmp_path: Path, cell: Cell) -> None:
    task(checkpoint_seconds=0).checkpoint(lambda: {"step": 1})
    path = Store(tmp_path / "results").checkpoint(cell)
    path.write_bytes(path.read_bytes()[:-50])
    made = task()
    assert made.resume() is None
    assert made.recorder.trace == {}
    assert [found.name for found in path.parent.iterdir()] == [f"{path.name}.corrupt"]
