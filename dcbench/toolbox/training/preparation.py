"""What a recipe does to a batch before the network sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import torch

from dcbench.toolbox.augment import Augmentation, CutMix, DCAugmentation, ImageNetAugmentation
from dcbench.toolbox.training.draws import BatchDraw, SettledDraw

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from dcbench.api.protocol import TrainingRecipe
    from dcbench.toolbox.augment import Draw


class _Strategy(Protocol):
    """What the augmentations have in common."""

    def draw(self, rows: int, size: int, generator: torch.Generator) -> Any: ...
    def apply(self, images: Tensor, draw: Any) -> Tensor: ...
    def settle(self, draw: Any) -> Tensor: ...
    def apply_settled(self, images: Tensor, parameters: Tensor) -> Tensor: ...


class Preparation:
    """Draws the batches of a training, and augments and mixes their images.

    A draw is applied in one of two ways: by what it needs and no more, which is quick on a CPU; or settled into tensors
    first, by the same kernels whatever was drawn, which is what a captured step needs.

    Args:
        recipe: names the augmentation and CutMix. With CutMix cutout is left out of the strategy, as in the IDC code
            (``train.py``).
        size: side of the images in pixels.
    """

    def __init__(self, recipe: TrainingRecipe, size: int) -> None:
        self._size, self._batch_size = size, recipe.batch_size
        self._augmentation = _augmentation(recipe)
        self._cutmix = CutMix(recipe.cutmix, recipe.cutmix_beta) if recipe.cutmix > 0 else None

    def epoch(self, count: int, generator: torch.Generator) -> Iterator[BatchDraw]:
        """Draw the batches of one epoch over *count* images, each when it is asked for.

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

    def settle(self, draw: BatchDraw) -> SettledDraw:
        """Return *draw* for `apply_settled`, on the CPU."""
        rows = len(draw.rows)
        parameters = torch.empty(rows, 0, dtype=torch.float64)
        partners = box = torch.empty(0, dtype=torch.int64)
        share = torch.ones((), dtype=torch.float64)
        if self._augmentation:
            parameters = self._augmentation.settle(draw.augmentation)
        if self._cutmix:
            partners, box, share = self._cutmix.settle(draw.mix, rows)
        return SettledDraw(draw.rows, parameters, partners, box, share)

    def apply_settled(self, images: Tensor, draw: SettledDraw) -> Tensor:
        """Do what `apply` does, by the same kernels whatever was drawn; *draw* is on the device of *images*."""
        if self._augmentation:
            images = self._augmentation.apply_settled(images, draw.parameters)
        return self._cutmix.apply_settled(images, draw.partners, draw.box) if self._cutmix else images


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
        self.apply, self.settle = augmentation.apply, augmentation.settle
        self.apply_settled = augmentation.apply_settled

    def draw(self, rows: int, size: int, generator: torch.Generator) -> Draw:
        return self._augmentation.draw(rows, size, generator, shared_operation=True)
