from __future__ import annotations

from pathlib import Path

import pytest

from dcbench import RequestError
from dcbench.engine.identity import Arithmetic
from dcbench.engine.work import devices, runtime
from dcbench.engine.work.runtime import Runtime, Wanted, name_ignored_threads, plan_slots, resolve_arithmetic


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


def test_a_number_of_threads_that_is_not_followed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    assert name_ignored_threads(Runtime(threads=8)) == []
    assert name_ignored_threads(Runtime(threads=2)) == [
        "OMP_NUM_THREADS=8 is not followed: a job has 2 threads, as the machine, --jobs and --deterministic say"
    ]
    monkeypatch.setenv("MKL_NUM_THREADS", "")
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert name_ignored_threads(Runtime(threads=2)) == []


def precisions(precision: Wanted, device: str = "cpu") -> set[str]:
    return {slot.precision for slot in plan_slots(device, 2, 9, deterministic=False, precision=precision)}


def test_the_cpu_computes_in_float32_and_a_gpu_in_bf16_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert precisions("auto") == {"float32"}
    monkeypatch.setattr(runtime, "find_devices", lambda _: ["cuda:0"])
    assert precisions("auto", "cuda") == {"bf16"}
    assert precisions("tf32", "cuda") == {"tf32"}
    assert all(slot.capture for slot in plan_slots("cuda", None, 9, deterministic=False))
    assert not any(slot.capture for slot in plan_slots("cuda", None, 9, deterministic=False, capture=False))


@pytest.mark.parametrize(("flags", "able"), [("avx512f amx_bf16", True), ("avx512f avx2", False)])
def test_bf16_on_a_cpu_needs_a_processor_that_has_it(
    flags: str, able: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text(f"model name : Some\nflags : fpu {flags}\n")
    monkeypatch.setattr(devices, "_CPU_INFO", info)
    if able:
        assert precisions("bf16") == {"bf16"}
    else:
        with pytest.raises(RequestError, match="no bf16 arithmetic"):
            resolve_arithmetic("cpu", "bf16")


def test_tf32_is_refused_on_a_cpu() -> None:
    with pytest.raises(RequestError, match="on the CPU there are float32 and bf16"):
        resolve_arithmetic("cpu", "tf32")


@pytest.mark.parametrize(
    ("device", "wanted", "arithmetic"),
    [
        ("cpu", "auto", Arithmetic()),
        ("cpu", "bf16", Arithmetic("bf16", "float32")),
        ("cuda", "auto", Arithmetic("bf16", "tf32")),
        ("cuda", "tf32", Arithmetic("tf32", "tf32")),
        ("cuda", "float32", Arithmetic()),
    ],
)
def test_what_auto_means_is_known_when_a_run_is_planned(
    device: str, wanted: Wanted, arithmetic: Arithmetic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "has_bf16", lambda: True)
    monkeypatch.setattr(runtime, "find_devices", lambda device: ["cuda:0"] if device == "cuda" else [device])
    assert resolve_arithmetic(device, wanted) == arithmetic


def test_networks_are_never_trained_in_bf16() -> None:
    assert Runtime(device="cuda:0", precision="bf16").for_training().precision == "tf32"
    assert Runtime(precision="bf16").for_training().precision == "float32"
    assert Runtime(device="cuda:0", precision="float32").for_training().precision == "float32"


def test_larger_images_go_through_a_network_in_smaller_chunks() -> None:
    slot = Runtime(chunk=64)
    assert [slot.chunk_of(side) for side in (8, 28, 32, 224, 500)] == [1024, 83, 64, 1, 1]


@pytest.mark.parametrize("device", ["cuda:99", "gpu", ""])
def test_a_device_that_is_not_there_is_refused_with_those_that_are(device: str) -> None:
    with pytest.raises(RequestError, match=r"There are: cpu"):
        plan_slots(device, None, 1, deterministic=False)
