"""The images that networks are trained on, as batches of what a network sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from dcbench.toolbox.pixels import Normaliser

if TYPE_CHECKING:
    from torch import Tensor, nn

    from dcbench.api.protocol import TrainingRecipe


class TrainingSet:
    """A labelled set, for networks of one device and floating type.

    Args:
        images: (N, C, H, W), floating in [0, 1], normalised at once; or uint8, which stay so, a quarter of the memory,
            and where they are, and are normalised batch by batch.
        labels: (N,) int64, or class probabilities (N, classes).
        recipe: gives the statistics of the normalisation.
        network: gives device and type.

    Raises:
        ValueError: there are no images, or not as many labels.
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
