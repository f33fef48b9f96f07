"""Several networks that train in step with each other, and on a GPU as one CUDA graph.

A training step of a small network is a hundred kernels, and the launch of each lasts longer than the kernel itself.
Replaying a graph launches all of them at once, and the branches of different networks run at the same time.
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import groupby, islice
from typing import TYPE_CHECKING

import torch

from dcbench.toolbox.devices import CapturedStep, capturing, forked
from dcbench.toolbox.training.batches import BatchTensorDraw, Preparation, TrainingSet
from dcbench.toolbox.training.graph_safe import GraphSafeStep
from dcbench.toolbox.training.trainer import schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor, nn
    from torch.cuda import _POOL_HANDLE

    from dcbench.api.protocol import TrainingRecipe

    Advance = Callable[[BatchTensorDraw], None]
    """Does one step of every network on a draw with one row for each."""

_AHEAD = 32  # batches that are drawn and copied together


class Ensemble:
    """The training of several networks on one set, one batch of each at a time.

    Every network has a generator, so its draws are those that it has alone. Batches are drawn ahead while an
    accelerator works on earlier ones, and are copied to it many at a time.

    Args:
        networks: of one device and type; trained in place.
        images: see `train`; kept on the device.
        labels: see `train`.
        recipe: everything else.
        generators: one for each network, on the CPU.
    """

    def __init__(
        self,
        networks: Sequence[nn.Module],
        images: Tensor,
        labels: Tensor,
        recipe: TrainingRecipe,
        generators: Sequence[torch.Generator],
    ) -> None:
        weight = next(networks[0].parameters())
        self._recipe, self._generators = recipe, generators
        self._device, self._lr = weight.device, torch.zeros((), dtype=weight.dtype, device=weight.device)
        self._data = TrainingSet(images.to(weight.device), labels, recipe, networks[0])
        self._preparation = Preparation(recipe, self._data.size)
        self.steps = [GraphSafeStep(network, self._data, self._preparation, recipe, self._lr) for network in networks]
        """One for each network, in their order."""

    def examples(self) -> dict[int, BatchTensorDraw]:
        """Return an arbitrary draw, with one row per network, for each number of images that a batch can have."""
        own = [torch.Generator() for _ in self.steps]  # the generators of the networks stay as they are
        return {draw.rows.shape[-1]: draw for draw in self._epoch(own)}

    def run(self, advance: Advance, after_epoch: Callable[[int], None]) -> None:
        """Train all epochs.

        Args:
            advance: does one step of every network.
            after_epoch: called with the number of epochs done.
        """
        for epoch, rate in enumerate(schedule(self._recipe), start=1):
            self._lr.fill_(rate.lr)
            for step in self.steps:
                step.begin_epoch(fresh=rate.fresh)
            for draw in self._epoch(self._generators):
                advance(draw)
            after_epoch(epoch)

    def one_by_one(self, draw: BatchTensorDraw) -> None:
        """Do the step of one network after that of another: an `Advance` without a graph."""
        for index, step in enumerate(self.steps):
            step(draw[index])

    def captured(self) -> Advance:
        """Return an `Advance` that replays graphs on the current GPU: one for each size of batch.

        Raises:
            torch.OutOfMemoryError: the activations of all networks do not fit at the same time.
            RuntimeError: something in the step cannot be captured.
        """
        for step in self.steps:
            step.begin_epoch(fresh=True)
        graphs: dict[int, CapturedSteps] = {}
        # The graphs never run at the same time, so they share one pool. The allocator reuses memory of a pool only on
        # the stream that it was allocated on, so they share the streams too.
        pool = torch.cuda.graph_pool_handle()
        streams = [torch.cuda.Stream() for _ in self.steps]  # type: ignore[no-untyped-call]
        for size, draw in self.examples().items():
            graphs[size] = CapturedSteps(self.steps, draw, streams, pool)
        return lambda draw: graphs[draw.rows.shape[-1]](draw)

    def _epoch(self, generators: Sequence[torch.Generator]) -> Iterator[BatchTensorDraw]:
        """Draw an epoch of every network and yield it batch by batch, on the device."""
        own = [map(self._preparation.as_tensors, self._preparation.epoch(len(self._data), each)) for each in generators]
        batches = map(BatchTensorDraw.stack, zip(*own, strict=True))
        for _, equal in groupby(batches, key=lambda draw: draw.rows.shape[-1]):
            while ahead := list(islice(equal, _AHEAD)):
                together = BatchTensorDraw.stack(ahead).to(self._device)
                yield from map(together.__getitem__, range(len(ahead)))


class CapturedSteps:
    """One step of each of several networks, as one CUDA graph. The capture changes no network.

    Args:
        steps: one for each network, all on one GPU.
        inputs: what the graph reads, on that GPU, one row for each network; overwritten at each replay.
        streams: one for each network.
        pool: memory that the graph shares with others of the same streams, which do not run at the same time.
    """

    def __init__(
        self,
        steps: Sequence[GraphSafeStep],
        inputs: BatchTensorDraw,
        streams: Sequence[torch.cuda.Stream],
        pool: _POOL_HANDLE,
    ) -> None:
        self._steps, self._inputs, self._streams = steps, inputs, streams
        self._graph = torch.cuda.CUDAGraph()
        with _restored([tensor for step in steps for tensor in step.state()]):
            # On a side stream, as the notes of torch on CUDA graphs require: the default stream cannot be captured.
            side: torch.cuda.Stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            for _ in range(CapturedStep.EAGER):
                with forked(side):
                    self._fork()
            with capturing(self._graph, pool=pool):
                self._fork()

    def __call__(self, inputs: BatchTensorDraw) -> None:
        """Start one step of every network on *inputs*, one row for each, on the GPU."""
        self._inputs.copy_(inputs)
        self._graph.replay()

    def _fork(self) -> None:
        """Launch one step of each network on a stream of its own, between a fork from the current stream and a join."""
        current = torch.cuda.current_stream()
        started: list[torch.cuda.Stream] = []
        try:
            for index, (step, stream) in enumerate(zip(self._steps, self._streams, strict=True)):
                stream.wait_stream(current)
                started.append(stream)
                with torch.cuda.stream(stream):
                    step(self._inputs[index])
        finally:
            # Joined after all have started, or the branches would run one after another. Also if a step raises: a
            # capture with a stream that has not joined cannot be ended, and torch then keeps its memory.
            for stream in started:
                current.wait_stream(stream)


@contextmanager
def _restored(tensors: Sequence[Tensor]) -> Iterator[None]:
    """Give *tensors* their values back at the end of the block."""
    before = [tensor.clone() for tensor in tensors]
    try:
        yield
    finally:
        torch.cuda.synchronize()  # streams of a failed block may still be writing
        for tensor, value in zip(tensors, before, strict=True):
            tensor.copy_(value)
