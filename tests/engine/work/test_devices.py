from __future__ import annotations

import platform
import resource
import subprocess
import sys
from types import SimpleNamespace

import pytest

from dcbench.engine.work import devices
from dcbench.engine.work.runtime import Runtime

FAULTS = """
import resource, torch
from dcbench.engine.work.devices import prepare_process
from dcbench.engine.work.runtime import Runtime
if {prepare}:
    prepare_process(Runtime())
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):
    torch.zeros(1 << 24)
before = faults()
for _ in range(10):
    torch.zeros(1 << 24)
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told to keep memory")
def test_large_tensors_take_the_pages_of_those_before_them() -> None:
    def faults(*, prepare: bool) -> int:
        return int(subprocess.check_output([sys.executable, "-c", FAULTS.format(prepare=prepare)], text=True))

    # A machine may take pages away from anybody at any time: the least of three is what the setting gives.
    assert min(faults(prepare=True) for _ in range(3)) < faults(prepare=False) / 10


@pytest.mark.parametrize(("system", "size"), [("linux", 5 * 1024), ("darwin", 5)])
def test_peak_memory_is_in_bytes_whatever_the_system_counts_in(
    monkeypatch: pytest.MonkeyPatch, system: str, size: int
) -> None:
    monkeypatch.setattr(resource, "getrusage", lambda _: SimpleNamespace(ru_maxrss=5))
    monkeypatch.setattr(sys, "platform", system)
    assert devices.peak_memory("cpu") == size


@pytest.mark.parametrize(
    ("runtime", "expected"),
    [
        (Runtime(threads=2, precision="tf32", deterministic=True), [False, True, True, 2]),
        (Runtime(precision="bf16"), [False, True, False, 1]),
        (Runtime(precision="float32"), [False, False, False, 1]),
    ],
    ids=["tf32", "bf16", "float32"],
)
def test_a_process_is_set_up_as_its_runtime_says(runtime: Runtime, expected: list[bool | int]) -> None:
    code = """
import sys, torch
from dcbench.engine.work.devices import prepare_process
from dcbench.engine.work.runtime import Runtime
prepare_process(Runtime.model_validate_json(sys.argv[1]))
cuda, cudnn = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
print([cuda, cudnn, torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()])
"""
    told = subprocess.run(
        [sys.executable, "-c", code, runtime.model_dump_json()], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == str(expected)


@pytest.mark.parametrize(("device", "expected"), [("cuda:1", "cuda:1 :4096:8"), ("cpu", "")])
def test_the_gpu_of_a_job_is_the_current_one_and_its_libraries_find_what_they_are_to_read(
    device: str, expected: str
) -> None:
    code = """
import os, sys, torch
from dcbench.engine.work.devices import prepare_process
from dcbench.engine.work.runtime import Runtime
torch.cuda.set_device = lambda device: print(device, os.environ["CUBLAS_WORKSPACE_CONFIG"])
prepare_process(Runtime(device=sys.argv[1], deterministic=True))
"""
    told = subprocess.run([sys.executable, "-c", code, device], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == expected
