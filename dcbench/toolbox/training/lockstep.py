"""Networks that train in lockstep: the same step of each, then the next."""

from __future__ import annotations

from itertools import groupby, islice
from typing import TYPE_CHECKING

import torch

from dcbench.toolbox.training.draws import SettledDraw
from dcbench.toolbox.training.preparation import Preparation
from dcbench.toolbox.training.schedule import schedule
from dcbench.toolbox.training.static import StaticStep
from dcbench.toolbox.training.training_set import TrainingSet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor, nn

    from dcbench.api.protocol import TrainingRecipe

    Advance = Callable[[SettledDraw], None]
    """Does one step of every network on a draw with one row for each."""

_AHEAD = 32  # batches that are drawn and copied together


class Lockstep:
    """The training of several networks on one set, a batch of each at a time.

    Every network has a generator and so the draws that it has alone. Batches are drawn ahead, while an accelerator
    works on those before, and go to it many at a time.

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
        self.steps = [StaticStep(network, self._data, self._preparation, recipe, self._lr) for network in networks]
        """One for each network, in their order."""

    def examples(self) -> dict[int, SettledDraw]:
        """Return, for each number of images that a batch can have, a draw of no meaning with one row per network."""
        nobody = [torch.Generator() for _ in self.steps]
        return {draw.rows.shape[-1]: draw for draw in self._epoch(nobody)}

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

    def one_by_one(self, draw: SettledDraw) -> None:
        """Do the step of one network after that of another: the plain way to advance."""
        for index, step in enumerate(self.steps):
            step(draw[index])

    def _epoch(self, generators: Sequence[torch.Generator]) -> Iterator[SettledDraw]:
        """Draw an epoch of every network and yield it batch by batch, on the device."""
        own = [map(self._preparation.settle, self._preparation.epoch(len(self._data), each)) for each in generators]
        batches = map(SettledDraw.stack, zip(*own, strict=True))
        for _, equal in groupby(batches, key=lambda draw: draw.rows.shape[-1]):
            while ahead := list(islice(equal, _AHEAD)):
                together = SettledDraw.stack(ahead).to(self._device)
                yield from map(together.__getitem__, range(len(ahead)))
