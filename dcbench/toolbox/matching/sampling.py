"""What a matching step draws: real images of every class, the subset that is matched, and the augmentation.

All numbers come from one CPU generator and are drawn for all classes, whichever of them are condensed and whatever the
device. So the draws of a class are the same in a part of the classes and among all, and on a GPU and on a CPU.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch
from torch.nn.utils.rnn import pad_sequence

from dcbench.api.ran import ran
from dcbench.toolbox.augment import TensorDraw
from dcbench.toolbox.devices import fits, moved_if_room

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from dcbench import ImageSet
    from dcbench.toolbox.augment import Augmentation, Draw
    from dcbench.toolbox.pixels import Normaliser


def subsets(rows: int, total: int, count: int, generator: torch.Generator) -> Tensor:
    """Draw *count* different numbers below *total* for each of *rows* rows, in random order.

    Returns:
        (rows, count), int64, on the CPU.
    """
    return torch.rand((rows, total), generator=generator).topk(count).indices


class Sampler(Protocol):
    """Chooses the real images of a step."""

    def draw(self, generator: torch.Generator) -> Tensor:
        """Return positions in the training split, (classes, count) int64, on the CPU; all draws have one shape."""


class ClassSampler:
    """Draws different training images of every class, uniformly and without replacement within a draw.

    Each draw is independent of the earlier ones, as in the DM and IDM codes. The M3D code goes through permutations.
    """

    def __init__(self, class_index: Sequence[Tensor], count: int) -> None:
        """Prepare the draws.

        Args:
            class_index: for each class, the positions of its images (int64).
            count: images per class and draw. The smallest class bounds it, so that all classes give equally many.

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
    """The real side of matching: the training images as uint8, normalised only when they are used."""

    def __init__(self, train: ImageSet, count: int, normaliser: Normaliser, device: torch.device) -> None:
        """Keep *train* on *device* if it is small enough, and prepare to draw *count* images of each class."""
        wanted = fits(train.images, device)
        self._images = moved_if_room(train.images, device) if wanted else train.images
        self.resident = self._images.device.type == device.type
        """Whether all images lie on the device. Only then can a step be captured."""
        if wanted and not self.resident:
            ran().fall_back("steps are not captured: the training images find no room on the GPU, which others use too")
        self._sampler = ClassSampler(train.class_index, count)
        self._normaliser = normaliser
        self.count = self._sampler.count

    def draw(self, generator: torch.Generator) -> Tensor:
        """Return positions of different images of every class, (classes, count) int64, on the CPU."""
        return self._sampler.draw(generator)

    def take(self, positions: Tensor) -> Tensor:
        """Return the images at *positions* (n,), normalised (n, C, H, W), on the device."""
        return self._normaliser.normalise(self._images[positions.to(self._images.device)])


class StepInput(Protocol):
    """What a matching step reads of a draw: `StepDraw` on a CPU, `StepTensorDraw` on a GPU."""

    @property
    def real(self) -> Tensor:
        """(classes, m) int64: positions of the real images in the training split."""

    @property
    def chosen(self) -> Tensor | None:
        """(classes * n,) int64: which of all training images are matched, class by class; None for all."""

    def augmented(self, augmentation: Augmentation, images: Tensor, classes: Tensor) -> Tensor:
        """Return *images* (N, C, H, W), each augmented with the parameters of its class.

        Args:
            augmentation: the one that was drawn for.
            images: normalised.
            classes: (N,) int64, the row of the draw that each image belongs to, on the device of `real`.
        """


@dataclass(frozen=True, eq=False)
class StepDraw:
    """The random numbers of one step, on the CPU, for the classes that are condensed."""

    real: Tensor
    """(classes, m) int64: positions of the real images in the training split."""
    augmentation: Draw
    """One row per class, shared by its real and its synthetic images."""
    chosen: Tensor | None
    """(classes * n,) int64: which of all training images are matched, class by class; None for all."""

    def augmented(self, augmentation: Augmentation, images: Tensor, classes: Tensor) -> Tensor:
        """See `StepInput.augmented`; only the drawn operations run."""
        return augmentation.apply(images, self.augmentation.index(classes))

    def as_tensors(self, augmentation: Augmentation) -> StepTensorDraw:
        """Return the same draw, on the CPU, as tensors whose shapes do not depend on what was drawn."""
        return StepTensorDraw(self.real, augmentation.as_tensors(self.augmentation), self.chosen)


@dataclass(frozen=True, eq=False)
class StepTensorDraw(TensorDraw):
    """A `StepDraw` as tensors. A step on them launches the same kernels whatever was drawn, so it can be captured."""

    real: Tensor
    """(classes, m) int64: positions of the real images in the training split."""
    parameters: Tensor
    """(classes, 11) float64: see `Augmentation.as_tensors`."""
    chosen: Tensor | None
    """(classes * n,) int64: which of all training images are matched, class by class; None for all."""

    def augmented(self, augmentation: Augmentation, images: Tensor, classes: Tensor) -> Tensor:
        """See `StepInput.augmented`; every named operation runs on every image."""
        return augmentation.apply_tensors(images, self.parameters[classes])


class StepSampler:
    """Makes the `StepDraw` of each step. It draws for all classes and keeps the rows of those that are condensed."""

    def __init__(
        self, real: Sampler, augmentation: Augmentation, *, size: int, synthetic: int, most: int, classes: range
    ) -> None:
        """Prepare the draws.

        Args:
            real: draws the positions of the real images.
            augmentation: what parameters are drawn for.
            size: side of the images in pixels.
            synthetic: training images per class.
            most: how many of those are matched at most; 0 for all.
            classes: which classes are kept of each draw.
        """
        self._real, self._augmentation, self._size = real, augmentation, size
        self._synthetic, self._most = synthetic, most
        self._own = torch.arange(classes.start, classes.stop)

    def draw(self, generator: torch.Generator) -> StepDraw:
        """Draw for one step from *generator*: real images, then the subset, then the augmentation."""
        real, chosen = self._real.draw(generator), None
        if 0 < self._most < self._synthetic:
            within = subsets(len(real), self._synthetic, self._most, generator)[self._own]
            starts = torch.arange(len(within)) * self._synthetic
            chosen = (starts.unsqueeze(1) + within).flatten()
        draw = self._augmentation.draw(len(real), self._size, generator, shared_operation=False)
        return StepDraw(real[self._own], draw.index(self._own), chosen)
