from __future__ import annotations

import pytest

from dcbench import RequestError
from dcbench.engine.work import runtime
from dcbench.engine.work.runtime import plan_slots


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "available_cores", lambda: 8)
    monkeypatch.delenv("DCBENCH_CHECKPOINT_SECONDS", raising=False)


@pytest.mark.parametrize(
    ("jobs", "waiting", "slots", "threads"),
    [(None, 100, 2, 4), (None, 1, 1, 4), (2, 100, 2, 4), (16, 100, 16, 1), (4, 1, 1, 2), (1, 9, 1, 8)],
)
def test_threads_never_depend_on_how_much_there_is_to_do(
    jobs: int | None, waiting: int, slots: int, threads: int
) -> None:
    plan = plan_slots("cpu", jobs, waiting, deterministic=False)
    assert [(slot.device, slot.threads) for slot in plan] == [("cpu", threads)] * slots


def test_deterministic_jobs_have_one_thread_so_that_bits_do_not_depend_on_the_cores() -> None:
    assert {(slot.threads, slot.deterministic) for slot in plan_slots("cpu", 2, 9, deterministic=True)} == {(1, True)}


def test_every_gpu_gets_its_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "find_devices", lambda _: ["cuda:0", "cuda:1"])
    assert [slot.device for slot in plan_slots("auto", None, 9, deterministic=False)] == ["cuda:0", "cuda:1"]
    assert [slot.device for slot in plan_slots("cuda", 3, 9, deterministic=False)] == ["cuda:0", "cuda:1", "cuda:0"]


def test_the_time_between_checkpoints_may_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCBENCH_CHECKPOINT_SECONDS", "0")
    assert plan_slots("cpu", 1, 1, deterministic=False)[0].checkpoint_seconds == 0


@pytest.mark.parametrize("device", ["cuda:99", "gpu", ""])
def test_a_device_that_is_not_there_is_refused_with_those_that_are(device: str) -> None:
    with pytest.raises(RequestError, match=r"There are: cpu"):
        plan_slots(device, None, 1, deterministic=False)
