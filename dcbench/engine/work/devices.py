"""The devices of this machine, and the process that computes on one of them."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dcbench.api.errors import RequestError

if TYPE_CHECKING:
    from dcbench.engine.work.runtime import Runtime

_CPU_INFO = Path("/proc/cpuinfo")


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


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def has_bf16() -> bool:
    """Return whether the processor multiplies bf16 numbers itself (AMX, AVX-512 BF16, or Arm's BF16)."""
    with suppress(OSError):
        lines = _CPU_INFO.read_text(encoding="utf-8").splitlines()
        flags = {flag for line in lines if line.lower().startswith(("flags", "features")) for flag in line.split()}
        return bool(flags & {"amx_bf16", "avx512_bf16", "bf16"})
    return False


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


def prepare_process(runtime: Runtime) -> None:
    """Set up the calling process, which is about to run one job, according to *runtime*."""
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
