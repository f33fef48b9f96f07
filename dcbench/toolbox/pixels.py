"""From stored pixels to normalised images, which networks see, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn


class Normaliser:
    """Subtracts a mean and divides by a standard deviation, channel by channel."""

    def __init__(
        self,
        mean: Sequence[float],
        std: Sequence[float],
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Take the statistics.

        Args:
            mean: of pixels in [0, 1], one per channel.
            std: of pixels in [0, 1], one per channel.
            device: where the images will be.
            dtype: floating type of the images.
        """
        self.device, self.dtype = torch.device(device), dtype
        self._mean = torch.tensor(mean, device=device, dtype=dtype).view(-1, 1, 1)
        self._std = torch.tensor(std, device=device, dtype=dtype).view(-1, 1, 1)

    @classmethod
    def for_network(cls, mean: Sequence[float], std: Sequence[float], network: nn.Module) -> Normaliser:
        """Return a normaliser to the device and type of *network*."""
        weight = next(network.parameters())
        return cls(mean, std, weight.device, weight.dtype)

    def normalise(self, pixels: Tensor) -> Tensor:
        """Return normalised images from *pixels* (..., C, H, W), uint8 or floating, where 1 is what 255 is in uint8."""
        images = pixels.to(self.device).to(self.dtype)  # in this order: a byte is copied per pixel, not four
        if pixels.dtype == torch.uint8:
            images = images / 255
        return (images - self._mean) / self._std

    def pixels(self, images: Tensor) -> Tensor:
        """Return pixels, nominally in [0, 1], from normalised *images* (..., C, H, W). Nothing is clipped."""
        return images * self._std + self._mean
