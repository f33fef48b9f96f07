"""How a job is run: everything that may change its speed and its memory but not its name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from dcbench.api.errors import RequestError

_MOST_THREADS = 8  # of one job by default; small networks gain little from more
_GPU_CHUNK = 2048  # a GPU is idle between small batches, and has the memory for large ones


class Runtime(BaseModel):
    """How to run a job. Recorded in every result file, never part of a digest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: str = Field("cpu", description="cpu, or cuda:N")
    threads: int = Field(1, ge=1, description="CPU threads of one job")
    chunk: int = Field(256, ge=1, description="images pushed through a network at once when nothing is learnt")
    deterministic: bool = Field(False, description="only algorithms that give the same bits every time")
    checkpoint_seconds: float = Field(30.0, ge=0, description="time between checkpoints of a condensing job")


def plan_slots(device: str, jobs: int | None, waiting: int, *, deterministic: bool) -> list[Runtime]:
    """Return one runtime per job that may run at the same time.

    On the CPU the bits of a result depend on the number of threads, so that number depends on the machine alone, and on
    *jobs* if it is given; never on how much there is to do.

    Args:
        device: ``auto``, ``cpu``, ``cuda`` (every GPU) or ``cuda:N``.
        jobs: jobs at a time, which share the cores; None means one per GPU, or as many as the machine has room for.
        waiting: how many jobs there are to do.
        deterministic: see `Runtime`; on the CPU it also means one thread, whatever the machine.

    Raises:
        RequestError: the device is not there.
    """
    devices = find_devices(device)
    options: dict[str, Any] = {"deterministic": deterministic} | _checkpoint_interval()
    cores = available_cores()
    if devices == ["cpu"]:
        threads = max(1, cores // jobs) if jobs else max(1, min(cores // 2, _MOST_THREADS))
        count = min(jobs or max(1, cores // threads), max(1, waiting))
        return [Runtime(device="cpu", threads=1 if deterministic else threads, **options)] * count
    count = jobs or len(devices)
    options |= {"threads": max(1, cores // count), "chunk": _GPU_CHUNK}
    return [Runtime(device=devices[slot % len(devices)], **options) for slot in range(count)]


def _checkpoint_interval() -> dict[str, float]:
    text = os.environ.get("DCBENCH_CHECKPOINT_SECONDS", "")
    try:
        return {"checkpoint_seconds": float(text)} if text else {}
    except ValueError as error:
        raise RequestError(f"DCBENCH_CHECKPOINT_SECONDS is a number of seconds, not {text!r}") from error


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def find_devices(device: str) -> list[str]:
    """Return the devices that *device* stands for.

    Raises:
        RequestError: it is not there; the text lists what is.
    """
    if device == "cpu":
        return ["cpu"]
    import torch

    gpus = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if device == "auto":
        return gpus or ["cpu"]
    if device == "cuda" and gpus:
        return gpus
    if device in gpus:
        return [device]
    raise RequestError(f"there is no device {device!r} here. There are: {', '.join(['cpu', *gpus])}.")


def prepare_process(runtime: Runtime) -> None:
    """Set up the calling process, which is about to run one job, as *runtime* says."""
    import torch

    torch.set_num_threads(runtime.threads)
    if runtime.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(mode=True)
        torch.backends.cudnn.benchmark = False


def describe_device(device: str) -> str:
    """Return the name of *device* for a person, such as the name of the processor."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.get_device_name(device)
    return _processor_name()


def _processor_name() -> str:
    import platform

    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123  (a kernel file, not a path of the user's)
            names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def peak_memory(device: str) -> int:
    """Return the largest amount of memory, in bytes, that this process has held on *device*."""
    import torch

    if device.startswith("cuda"):
        return int(torch.cuda.max_memory_allocated(device))
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def provenance(packages: Mapping[str, str]) -> dict[str, str]:
    """Return the versions that a result was made with: dcbench, Python, torch, CUDA, and *packages* of plug-ins."""
    import platform
    from importlib.metadata import version

    import torch

    return {
        "dcbench": version("dcbench"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda or "",
        **packages,
    }
