"""How a job is run: everything that may change its speed and its memory but not its name."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from dcbench.api.errors import RequestError
from dcbench.api.method import Precision

Wanted = Literal["auto", Precision]

_MOST_THREADS = 8  # of one job by default; small networks gain little from more
_CPU_CHUNK, _GPU_CHUNK = 64, 1024  # more gains nothing on a CPU; with less a GPU idles
_CPU_INFO = Path("/proc/cpuinfo")


class Runtime(BaseModel):
    """How to run a job. Recorded in every result file, never part of a digest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: str = Field("cpu", description="cpu, or cuda:N")
    threads: int = Field(1, ge=1, description="CPU threads of one job")
    chunk: int = Field(
        _CPU_CHUNK, ge=1, description="images of 32 x 32 pixels pushed through a network at once; larger ones are fewer"
    )
    precision: Precision = Field(
        "float32",
        description="of convolutions: float32, tf32 on a GPU, or bf16; networks that are trained take tf32 for bf16",
    )
    capture: bool = Field(False, description="compile GPU steps and capture them in CUDA graphs")
    deterministic: bool = Field(False, description="only algorithms that give the same bits every time")
    checkpoint_seconds: float = Field(30.0, ge=0, description="time between checkpoints of a condensing job")

    def for_training(self) -> Runtime:
        """Return the same with a precision that networks can be trained in: bf16 is for random ones."""
        finer = "float32" if self.device == "cpu" else "tf32"
        return self.model_copy(update={"precision": finer}) if self.precision == "bf16" else self

    def chunk_of(self, side: int) -> int:
        """Return how many images of *side* x *side* pixels go through a network at once."""
        return max(1, self.chunk * 32**2 // side**2)


def plan_slots(
    device: str,
    jobs: int | None,
    waiting: int,
    *,
    deterministic: bool,
    precision: Wanted = "auto",
    capture: bool = True,
) -> list[Runtime]:
    """Return one runtime per job that may run at the same time.

    On the CPU the bits of a result depend on the number of threads, so that number depends on the machine alone, and on
    *jobs* if it is given; never on how much there is to do.

    Args:
        device: ``auto``, ``cpu``, ``cuda`` (every GPU) or ``cuda:N``.
        jobs: jobs at a time, which share the cores; None means one per GPU, or as many as the machine has room for.
        waiting: how many jobs there are to do.
        deterministic: see `Runtime`; on the CPU it also means one thread, whatever the machine.
        precision: ``auto`` is float32 on the CPU, whose results are to be the same bits everywhere, and bf16 on a GPU.
        capture: see `Runtime`; only a GPU can.

    Raises:
        RequestError: the device is not there, or has no arithmetic of that precision.
    """
    devices = find_devices(device)
    options: dict[str, Any] = {"deterministic": deterministic} | _checkpoint_interval()
    options["precision"] = _checked_precision(precision, devices[0])
    cores = available_cores()
    if devices == ["cpu"]:
        threads = max(1, cores // jobs) if jobs else max(1, min(cores // 2, _MOST_THREADS))
        count = min(jobs or max(1, cores // threads), max(1, waiting))
        return [Runtime(device="cpu", threads=1 if deterministic else threads, **options)] * count
    count = jobs or len(devices)
    options |= {"threads": max(1, cores // count), "chunk": _GPU_CHUNK, "capture": capture}
    return [Runtime(device=devices[slot % len(devices)], **options) for slot in range(count)]


def check_device(device: str, precision: Wanted) -> None:
    """Refuse at planning time what `plan_slots` would refuse.

    Raises:
        RequestError: the device is not there, or has no arithmetic of that precision; or the environment variable for
            the time between checkpoints holds no number from 0 on.
    """
    _checked_precision(precision, find_devices(device)[0])
    _checkpoint_interval()


def _checked_precision(wanted: Wanted, device: str) -> Precision:
    if wanted == "auto":
        return "float32" if device == "cpu" else "bf16"
    if device == "cpu" and wanted == "tf32":
        raise RequestError("--precision tf32 is arithmetic of GPUs; on the CPU there are float32 and bf16")
    if device == "cpu" and wanted == "bf16" and not has_bf16():
        raise RequestError("--precision bf16: this processor has no bf16 arithmetic, so it would only be slower")
    return wanted


def has_bf16() -> bool:
    """Return whether the processor multiplies bf16 numbers itself (AMX, AVX-512 BF16, or Arm's BF16)."""
    with suppress(OSError):
        lines = _CPU_INFO.read_text(encoding="utf-8").splitlines()
        flags = {flag for line in lines if line.lower().startswith(("flags", "features")) for flag in line.split()}
        return bool(flags & {"amx_bf16", "avx512_bf16", "bf16"})
    return False


def _checkpoint_interval() -> dict[str, float]:
    text = os.environ.get("DCBENCH_CHECKPOINT_SECONDS", "")
    if not text:
        return {}
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise RequestError(f"DCBENCH_CHECKPOINT_SECONDS is a number of seconds from 0 on, not {text!r}")
    return {"checkpoint_seconds": seconds}


def name_ignored_threads(runtime: Runtime) -> list[str]:
    """Return a line for each variable of the environment that asks for another number of threads than *runtime* has.

    They are not followed: batch systems set them for every job, and on a CPU the bits of a result depend on the number.
    """
    return [
        f"{name}={value} is not followed: a job has {runtime.threads} thread{'s' * (runtime.threads > 1)}, "
        "as the machine, --jobs and --deterministic say"
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
        if (value := os.environ.get(name, "")) not in ("", str(runtime.threads))
    ]


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

    _keep_freed_memory()
    torch.set_num_threads(runtime.threads)
    # Products of features, of which differences are taken, stay in float32: TF32 is for convolutions alone.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = runtime.precision != "float32"
    if runtime.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(mode=True)
        torch.backends.cudnn.benchmark = False
    if runtime.device.startswith("cuda"):
        # What is made on "cuda" and what captures a graph works on the current GPU, which would be the first one.
        torch.cuda.set_device(runtime.device)


def _keep_freed_memory() -> None:
    """Let glibc's allocator keep memory that was freed instead of giving it back to the kernel.

    Every large tensor would otherwise be a fresh mapping, whose pages the kernel hands out zeroed, one fault at a time:
    in networks for small images that takes about as long as the convolutions.
    """
    if sys.platform != "linux":
        return
    import ctypes

    trim_threshold, mmap_max, arena_max = -1, -4, -8  # of malloc.h
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(mmap_max, 0)
        libc.mallopt(trim_threshold, 2**31 - 1)
        libc.mallopt(arena_max, 1)  # other arenas, which threads would get, map their memory anyway


def describe_device(device: str) -> str:
    """Return the name of *device* for a person, such as the name of the processor."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.get_device_name(device)
    return _processor_name()


def _processor_name() -> str:
    import platform

    try:
        with _CPU_INFO.open(encoding="utf-8") as lines:
            names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def instructions() -> str:
    """Return the set of CPU instructions that torch computes with, such as ``AVX512``: another one rounds otherwise."""
    import torch

    return torch.backends.cpu.get_cpu_capability()


def peak_memory(device: str) -> int:
    """Return the largest amount of memory, in bytes, that this process has held on *device*."""
    import torch

    if device.startswith("cuda"):
        return int(torch.cuda.max_memory_allocated(device))
    import resource

    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def provenance(packages: Mapping[str, str]) -> dict[str, str]:
    """Return the versions that a result was made with: dcbench, Python, torch, CUDA, and *packages* of plug-ins."""
    import platform

    import torch

    from dcbench.api.distribution import NAME, version

    return {
        "dcbench": version(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda or "",
        **{name: number for name, number in packages.items() if name != NAME},
    }
