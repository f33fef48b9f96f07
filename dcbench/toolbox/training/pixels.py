"""From pixels as they are stored to what a network sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn


class Normaliser:
    """Turns batches of stored pixels into normalised images of the device and type of a network.

    Args:
        mean: subtracted from pixels in [0, 1], one per channel.
        std: divides them after that, one per channel.
        network: the network that will see the images.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float], network: nn.Module) -> None:
        weight = next(network.parameters())
        self.device, self.dtype = weight.device, weight.dtype
        self._mean = weight.new_tensor(mean).view(1, -1, 1, 1)
        self._std = weight.new_tensor(std).view(1, -1, 1, 1)

    def __call__(self, batch: Tensor) -> Tensor:
        """Return *batch* (N, C, H, W), uint8 or floating in [0, 1], normalised."""
        pixels = batch.to(self.device, self.dtype)
        if batch.dtype == torch.uint8:
            pixels = pixels / 255
        return (pixels - self._mean) / self._std
