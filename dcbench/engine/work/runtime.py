"""How a job is run: everything that may change its speed and its memory but not its name."""

from __future__ import annotations

import math
import os
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from dcbench.api.errors import RequestError
from dcbench.api.method import Precision
from dcbench.engine.identity import Arithmetic
from dcbench.engine.work.devices import available_cores, find_devices, has_bf16

Wanted = Literal["auto", Precision]

_MOST_THREADS = 8  # of one job by default; small networks gain little from more
_CPU_CHUNK, _GPU_CHUNK = 64, 1024  # more gains nothing on a CPU; with less a GPU idles


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
        deterministic: see `Runtime`; on the CPU it also means one thread, on any machine.
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


def resolve_arithmetic(device: str, precision: Wanted) -> Arithmetic:
    """Return what a run computes in on *device*. It is a part of names, so a plan needs it before anything runs.

    Args:
        device: as for `plan_slots`.
        precision: as for `plan_slots`.

    Raises:
        RequestError: the device is not there, or has no arithmetic of that precision; or the environment variable for
            the time between checkpoints holds no number from 0 on.
    """
    _checkpoint_interval()
    first = find_devices(device)[0]
    runtime = Runtime(device=first, precision=_checked_precision(precision, first))
    return Arithmetic(runtime.precision, runtime.for_training().precision)


def _checked_precision(wanted: Wanted, device: str) -> Precision:
    if wanted == "auto":
        return "float32" if device == "cpu" else "bf16"
    if device == "cpu" and wanted == "tf32":
        raise RequestError("--precision tf32 is arithmetic of GPUs; on the CPU there are float32 and bf16")
    if device == "cpu" and wanted == "bf16" and not has_bf16():
        raise RequestError("--precision bf16: this processor has no bf16 arithmetic, so it would only be slower")
    return wanted


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
    """Return a line for each variable of the environment that sets another number of threads than *runtime* has.

    They are not followed: batch systems set them for every job, and on a CPU the bits of a result depend on the number.
    """
    return [
        f"{name}={value} is not followed: a job has {runtime.threads} thread{'s' * (runtime.threads > 1)}, "
        "as the machine, --jobs and --deterministic say"
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
        if (value := os.environ.get(name, "")) not in ("", str(runtime.threads))
    ]
