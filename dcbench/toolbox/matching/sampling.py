"""Drawing images: different ones of every class, for all classes at once, from a CPU generator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.utils.rnn import pad_sequence

from dcbench.toolbox.memory import fits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from dcbench import ImageSet
    from dcbench.toolbox.pixels import Normaliser


def subsets(rows: int, total: int, count: int, generator: torch.Generator) -> Tensor:
    """Draw *count* different numbers below *total* for each of *rows* rows, in random order.

    Returns:
        (rows, count), int64, on the CPU.
    """
    return torch.rand((rows, total), generator=generator).topk(count).indices


class ClassSampler:
    """Draws different training images of every class, uniformly and without replacement within a draw.

    Each draw is independent of those before, as in the DM and IDM codes; that of M3D walks through permutations.
    """

    def __init__(self, class_index: Sequence[Tensor], count: int) -> None:
        """Prepare the draws.

        Args:
            class_index: for each class, the positions of its images (int64).
            count: images per class and draw; the smallest class bounds it, so that every class gives equally many.

        Raises:
            ValueError: a class has no image.
        """
        smallest = min(len(index) for index in class_index)
        if smallest == 0:
            raise ValueError("cannot draw from a class without images")
        self.count = min(count, smallest)
        self._positions = pad_sequence(list(class_index), batch_first=True, padding_value=-1)
        self._missing = self._positions < 0

    def draw(self, generator: torch.Generator) -> Tensor:
        """Return positions in the training split, (classes, count) int64, in random order within a class."""
        keys = torch.rand(self._positions.shape, generator=generator).masked_fill_(self._missing, -1)
        return self._positions.gather(1, keys.topk(self.count).indices)


class RealImages:
    """The real side of matching: the training images as uint8, normalised only when drawn."""

    def __init__(self, train: ImageSet, count: int, normaliser: Normaliser, device: torch.device) -> None:
        """Keep *train* on *device* if it is small enough, and prepare to draw *count* images of each class."""
        self.resident = fits(train.images, device)
        """Whether all images lie on the device."""
        self._images = train.images.to(device) if self.resident else train.images
        self._sampler = ClassSampler(train.class_index, count)
        self._normaliser = normaliser
        self.count = self._sampler.count

    def draw(self, generator: torch.Generator) -> Tensor:
        """Return positions of different images of every class, (classes, count) int64, on the CPU."""
        return self._sampler.draw(generator)

    def take(self, positions: Tensor) -> Tensor:
        """Return the images at *positions* (n,), normalised (n, C, H, W), on the device."""
        return self._normaliser.normalise(self._images[positions.to(self._images.device)])
