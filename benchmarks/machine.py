"""The machine: its description, and the rates that bound every computation on it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import torch

from dcbench.engine.work.devices import available_cores, describe_device
from dcbench.engine.work.provenance import versions

if TYPE_CHECKING:
    from benchmarks.case import Call
    from dcbench.engine.work.runtime import Runtime

_TRIES = 2


def synchronise(device: torch.device) -> None:
    """Block until *device* has finished all queued work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def describe(runtime: Runtime) -> dict[str, Any]:
    """Return what the speed depends on, hardware and versions, as JSON values."""
    return {
        "processor": describe_device("cpu"),
        "cores": available_cores(),
        "device": describe_device(runtime.device),
        "precision": runtime.precision,
        "versions": versions({}),
    }


class Ceilings:
    """The best rates that a matrix product and a copy reach.

    The matrices are random: on zeros a processor draws less power and runs faster.
    """

    def __init__(self, device: torch.device) -> None:
        """Make matrices and a buffer on *device*: large, but small enough to fit next to a case."""
        gpu = device.type == "cuda"
        self._device = device
        side, dtype = (8192, torch.bfloat16) if gpu else (2048, torch.float32)
        self._left, self._right = (torch.randn((side, side), device=device).to(dtype) for _ in range(2))
        self._product = torch.empty_like(self._left)
        self._source = torch.randint(256, (2**30 if gpu else 2**27,), dtype=torch.uint8, device=device)
        self._copy = torch.empty_like(self._source)

    def measure(self) -> dict[str, float]:
        """Return the best of a few tries.

        Returns:
            ``flops_per_s``: float32 on a CPU, bf16 on a GPU; ``bytes_per_s``: bytes read plus bytes written.
        """
        product = self._shortest(lambda: torch.mm(self._left, self._right, out=self._product))
        copy = self._shortest(lambda: self._copy.copy_(self._source))
        return {
            "flops_per_s": 2 * len(self._left) ** 3 / product,
            "bytes_per_s": 2 * self._source.numel() / copy,
        }

    def _shortest(self, call: Call) -> float:
        return min(seconds(call, 1, self._device) for _ in range(_TRIES))


def higher(some: dict[str, float], others: dict[str, float]) -> dict[str, float]:
    """Return the higher of both ceilings: other load on the machine can only lower them."""
    return {name: max(rate, others[name]) for name, rate in some.items()}


def seconds(call: Call, times: int, device: torch.device) -> float:
    """Return how long one of *times* calls takes on average, until *device* has finished."""
    synchronise(device)
    start = time.perf_counter()
    for _ in range(times):
        call()
    synchronise(device)
    return (time.perf_counter() - start) / times
