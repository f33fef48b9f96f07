"""What is drawn for one matching step, on the CPU whatever the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from dcbench.toolbox.augment import Draw
from dcbench.toolbox.devices import send
from dcbench.toolbox.matching.sampling import subsets

if TYPE_CHECKING:
    from torch import Tensor

    from dcbench.toolbox.augment import Augmentation
    from dcbench.toolbox.matching.sampling import RealImages


@dataclass(frozen=True, eq=False)
class Draws:
    """The random numbers of one step, for the classes that are condensed."""

    real: Tensor
    """(classes, m) int64: positions of the real images in the training split."""
    augmentation: Draw | Tensor
    """One row per class, shared by its real and its synthetic images; a tensor if settled."""
    chosen: Tensor | None
    """(classes * n,) int64: which of all training images are matched, class by class; None for all."""

    def settled(self, augmentation: Augmentation, device: torch.device) -> Draws:
        """Return the same draws as tensors on *device* whose values nobody on the CPU needs to know."""
        draw = self.augmentation
        parameters = augmentation.settle(draw) if isinstance(draw, Draw) else draw
        chosen = None if self.chosen is None else send(self.chosen, device)
        return Draws(send(self.real, device), send(parameters, device), chosen)

    def copy_(self, other: Draws) -> None:
        """Overwrite settled draws with *other* ones, settled and of the same shapes."""
        for mine, theirs in zip(self._tensors(), other._tensors(), strict=True):
            mine.copy_(theirs, non_blocking=True)

    def _tensors(self) -> list[Tensor]:
        return [one for one in (self.real, self.augmentation, self.chosen) if isinstance(one, torch.Tensor)]


class Drawer:
    """Makes the `Draws` of each step. It draws for all classes, so that a part of them sees what the whole would."""

    def __init__(
        self, real: RealImages, augmentation: Augmentation, *, size: int, synthetic: int, most: int, classes: range
    ) -> None:
        """Prepare the draws.

        Args:
            real: says how many real images there are to choose from.
            augmentation: what parameters are drawn for.
            size: side of the images in pixels.
            synthetic: training images per class.
            most: how many of those are matched at most; 0 for all.
            classes: which classes are kept of each draw.
        """
        self._real, self._augmentation, self._size = real, augmentation, size
        self._synthetic, self._most = synthetic, most
        self._own = torch.arange(classes.start, classes.stop)

    def draw(self, generator: torch.Generator) -> Draws:
        """Draw for one step from *generator*: real images, then the subset, then the augmentation."""
        real, chosen = self._real.draw(generator), None
        if 0 < self._most < self._synthetic:
            within = subsets(len(real), self._synthetic, self._most, generator)[self._own]
            starts = torch.arange(len(within)) * self._synthetic
            chosen = (starts.unsqueeze(1) + within).flatten()
        draw = self._augmentation.draw(len(real), self._size, generator, shared_operation=False)
        return Draws(real[self._own], draw.index(self._own), chosen)
