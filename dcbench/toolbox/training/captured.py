"""Networks that train side by side on a GPU: one step of each, captured in one CUDA graph.

A training step of a small network is a hundred kernels that take less time than their launch. Replaying a graph
launches them all at once, and branches of different networks run beside each other.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from dcbench.toolbox.devices import capturing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor
    from torch.cuda import _POOL_HANDLE

    from dcbench.toolbox.training.draws import SettledDraw
    from dcbench.toolbox.training.lockstep import Advance, Lockstep
    from dcbench.toolbox.training.static import StaticStep

_WARM_UP = 3  # steps before a capture: libraries choose algorithms and take workspaces in the first ones


def capture_steps(lockstep: Lockstep) -> Advance:
    """Return a way to advance *lockstep*, on the current GPU, by replaying graphs: one for each size of batch.

    Raises:
        torch.OutOfMemoryError: the activations of all networks do not fit beside each other.
        RuntimeError: something in the step cannot be captured.
    """
    for step in lockstep.steps:
        step.begin_epoch(fresh=True)
    graphs: dict[int, CapturedSteps] = {}
    pool = torch.cuda.graph_pool_handle()
    # Memory that was used on one stream is used again on that stream alone.
    streams = [torch.cuda.Stream() for _ in lockstep.steps]  # type: ignore[no-untyped-call]
    for size, draw in lockstep.examples().items():
        graphs[size] = CapturedSteps(lockstep.steps, draw, streams, pool)
    return lambda draw: graphs[draw.rows.shape[-1]](draw)


class CapturedSteps:
    """One step of each of several networks, as one CUDA graph. Capturing it changes no network.

    Args:
        steps: one for each network, all on one GPU.
        inputs: what the graph reads, on that GPU, one row for each network; overwritten at each replay.
        streams: one for each network.
        pool: memory that the graph shares with others of the same streams, which do not run at the same time.
    """

    def __init__(
        self,
        steps: Sequence[StaticStep],
        inputs: SettledDraw,
        streams: Sequence[torch.cuda.Stream],
        pool: _POOL_HANDLE,
    ) -> None:
        self._steps, self._inputs, self._streams = steps, inputs, streams
        self._graph = torch.cuda.CUDAGraph()
        with _restored([tensor for step in steps for tensor in step.state()]):
            _on_side_stream(self._warm_up)
            with capturing(self._graph, pool=pool):
                self._fork()

    def __call__(self, inputs: SettledDraw) -> None:
        """Start one step of every network on *inputs*, one row for each, on the GPU."""
        self._inputs.copy_(inputs)
        self._graph.replay()

    def _warm_up(self) -> None:
        for _ in range(_WARM_UP):
            self._fork()

    def _fork(self) -> None:
        """Launch one step of each network on a stream of its own, between a fork from the current stream and a join."""
        current = torch.cuda.current_stream()
        forked: list[torch.cuda.Stream] = []
        try:
            for index, (step, stream) in enumerate(zip(self._steps, self._streams, strict=True)):
                stream.wait_stream(current)
                forked.append(stream)
                with torch.cuda.stream(stream):
                    step(self._inputs[index])
        finally:
            # Also where a step raises: a capture with a stream that has not joined cannot be ended, and torch then
            # keeps its memory.
            for stream in forked:
                current.wait_stream(stream)


def _on_side_stream(work: Callable[[], None]) -> None:
    """Do *work* on a stream that is not the default one, where it could not be captured afterwards."""
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        work()
    torch.cuda.current_stream().wait_stream(stream)


@contextmanager
def _restored(tensors: Sequence[Tensor]) -> Iterator[None]:
    """Give *tensors* back the values they had."""
    before = [tensor.clone() for tensor in tensors]
    try:
        yield
    finally:
        torch.cuda.synchronize()  # what failed may have left its streams at work
        for tensor, value in zip(tensors, before, strict=True):
            tensor.copy_(value)
