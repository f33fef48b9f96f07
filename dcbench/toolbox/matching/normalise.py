"""From pixels in [0, 1] to what networks see, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from dcbench import DatasetInfo


class Normaliser:
    """Subtracts the mean of the training pixels and divides by their standard deviation, channel by channel."""

    def __init__(
        self, info: DatasetInfo, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
    ) -> None:
        """Take the statistics of *info*.

        Args:
            info: gives mean and std of pixels in [0, 1], one per channel.
            device: where the images will be.
            dtype: floating type of the result of `normalise`.
        """
        self.dtype = dtype
        self._mean = torch.tensor(info.mean, device=device, dtype=dtype).view(-1, 1, 1)
        self._std = torch.tensor(info.std, device=device, dtype=dtype).view(-1, 1, 1)

    def normalise(self, pixels: Tensor) -> Tensor:
        """Return normalised images from *pixels* (..., C, H, W) in [0, 1]."""
        return (pixels.to(self.dtype) - self._mean) / self._std

    def pixels(self, images: Tensor) -> Tensor:
        """Return pixels from normalised *images* (..., C, H, W)."""
        return images * self._std + self._mean
