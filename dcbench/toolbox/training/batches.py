"""The batches of a training: which images they hold, and what a recipe does to these before a network sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch

from dcbench.toolbox.augment import Augmentation, CutMix, DCAugmentation, ImageNetAugmentation, TensorDraw
from dcbench.toolbox.pixels import Normaliser

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor, nn

    from dcbench.api.protocol import TrainingRecipe
    from dcbench.toolbox.augment import Draw, Mix


class TrainingSet:
    """A labelled set, for networks of one device and floating type.

    Args:
        images: (N, C, H, W). Floating in [0, 1]: normalised at once. uint8: kept on their device, in a quarter of the
            memory, and normalised batch by batch.
        labels: (N,) int64, or class probabilities (N, classes).
        recipe: gives the statistics of the normalisation.
        network: gives device and type.

    Raises:
        ValueError: there are no images, or the numbers of images and labels differ.
    """

    def __init__(self, images: Tensor, labels: Tensor, recipe: TrainingRecipe, network: nn.Module) -> None:
        if len(images) == 0 or len(images) != len(labels):
            raise ValueError(f"cannot train on {len(images)} images with {len(labels)} labels")
        self._normaliser = Normaliser.for_network(recipe.mean, recipe.std, network)
        self._stored = images if images.dtype == torch.uint8 else self._normaliser.normalise(images)
        dtype = self._normaliser.dtype if labels.is_floating_point() else labels.dtype
        self._labels = labels.to(self._normaliser.device, dtype)

    def __len__(self) -> int:
        return len(self._labels)

    @property
    def size(self) -> int:
        """Side of the images in pixels."""
        return self._stored.shape[-1]

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return normalised images (n, C, H, W) and labels of *rows* (n,) int64, on the device of the networks."""
        images = self._stored[rows.to(self._stored.device)]
        if images.dtype == torch.uint8:
            images = self._normaliser.normalise(images)
        return images, self._labels[rows.to(self._labels.device)]


@dataclass(frozen=True, eq=False)
class BatchDraw:
    """What was drawn for one batch of n images."""

    rows: Tensor
    """(n,) int64, on the CPU: positions in the training set."""
    augmentation: Any
    """A draw of the recipe's augmentation; None without one."""
    mix: Mix | None
    """A draw of CutMix; None for a batch that is not mixed."""


@dataclass(frozen=True, eq=False)
class BatchTensorDraw(TensorDraw):
    """A `BatchDraw` as tensors whose shapes do not depend on what was drawn; further leading axes hold several."""

    rows: Tensor
    """(n,) int64: positions in the training set."""
    parameters: Tensor
    """(n, p) float64: parameters of the augmentation; p is 0 without one."""
    partners: Tensor
    """(n,) int64: see `CutMix.as_tensors`; (0,) without it."""
    box: Tensor
    """(4,) int64, see `CutMix.as_tensors`; (0,) without it."""
    share: Tensor
    """() float64: weight of an image's own label; 1 for a batch that is not mixed."""

    @classmethod
    def stack(cls, draws: Sequence[BatchTensorDraw]) -> BatchTensorDraw:
        """Return *draws* with a new first axis."""
        return cls(*map(torch.stack, zip(*(draw.tensors() for draw in draws), strict=True)))

    def __getitem__(self, index: int) -> BatchTensorDraw:
        return BatchTensorDraw(*(tensor[index] for tensor in self.tensors()))


class _Strategy(Protocol):
    """What the augmentations have in common."""

    def draw(self, rows: int, size: int, generator: torch.Generator) -> Any: ...
    def apply(self, images: Tensor, draw: Any) -> Tensor: ...
    def as_tensors(self, draw: Any) -> Tensor: ...
    def apply_tensors(self, images: Tensor, parameters: Tensor) -> Tensor: ...


class Preparation:
    """Draws the batches of a training, and augments and mixes their images.

    A draw is applied in one of two ways. `apply` runs the operations that were drawn and no others, which is quick on a
    CPU. `apply_tensors` runs the same kernels whatever was drawn, as a captured step must.

    Args:
        recipe: names the augmentation and CutMix. With CutMix, cutout is left out of the strategy, as in the IDC code
            (``train.py``).
        size: side of the images in pixels.
    """

    def __init__(self, recipe: TrainingRecipe, size: int) -> None:
        self._size, self._batch_size = size, recipe.batch_size
        self._augmentation = _augmentation(recipe)
        self._cutmix = CutMix(recipe.cutmix, recipe.cutmix_beta) if recipe.cutmix > 0 else None

    def epoch(self, count: int, generator: torch.Generator) -> Iterator[BatchDraw]:
        """Draw the batches of one epoch over *count* images, each when it is needed.

        Takes a permutation from *generator*, which is on the CPU, and for each batch an augmentation (if there is one)
        and then CutMix (if its probability is above 0). The last batch may be smaller.
        """
        for rows in torch.split(torch.randperm(count, generator=generator), self._batch_size):
            augmentation = self._augmentation and self._augmentation.draw(len(rows), self._size, generator)
            mix = self._cutmix.draw(len(rows), self._size, generator) if self._cutmix else None
            yield BatchDraw(rows, augmentation, mix)

    def apply(self, images: Tensor, draw: BatchDraw) -> Tensor:
        """Return normalised *images* (n, C, H, W) as *draw* changes them."""
        if self._augmentation:
            images = self._augmentation.apply(images, draw.augmentation)
        return images if draw.mix is None else draw.mix.images(images)

    def as_tensors(self, draw: BatchDraw) -> BatchTensorDraw:
        """Return *draw* for `apply_tensors`, on the CPU."""
        rows = len(draw.rows)
        parameters = torch.empty(rows, 0, dtype=torch.float64)
        partners = box = torch.empty(0, dtype=torch.int64)
        share = torch.ones((), dtype=torch.float64)
        if self._augmentation:
            parameters = self._augmentation.as_tensors(draw.augmentation)
        if self._cutmix:
            partners, box, share = self._cutmix.as_tensors(draw.mix, rows)
        return BatchTensorDraw(draw.rows, parameters, partners, box, share)

    def apply_tensors(self, images: Tensor, draw: BatchTensorDraw) -> Tensor:
        """Do what `apply` does, by the same kernels whatever was drawn; *draw* is on the device of *images*."""
        if self._augmentation:
            images = self._augmentation.apply_tensors(images, draw.parameters)
        return self._cutmix.apply_tensors(images, draw.partners, draw.box) if self._cutmix else images


def _augmentation(recipe: TrainingRecipe) -> _Strategy | None:
    channels = len(recipe.mean)
    if recipe.augmentation == "dc":
        return DCAugmentation(recipe.strategy, "bilinear", channels)
    if recipe.augmentation == "dc-spline":
        return DCAugmentation(recipe.strategy, "spline", channels)
    if recipe.augmentation == "imagenet":
        return ImageNetAugmentation(recipe.mean, recipe.std)
    named = Augmentation(recipe.augmentation, recipe.strategy)
    chosen = named.without("cutout") if recipe.cutmix > 0 else named
    return _ForBatches(chosen) if chosen else None


class _ForBatches:
    """An `Augmentation` as training uses it: all images of a batch get one drawn operation."""

    def __init__(self, augmentation: Augmentation) -> None:
        self._augmentation = augmentation
        self.apply, self.as_tensors = augmentation.apply, augmentation.as_tensors
        self.apply_tensors = augmentation.apply_tensors

    def draw(self, rows: int, size: int, generator: torch.Generator) -> Draw:
        return self._augmentation.draw(rows, size, generator, shared_operation=True)
