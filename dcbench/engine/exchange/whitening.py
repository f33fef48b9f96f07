"""Undoing the ZCA whitening with which MTT, DATM and DataDAM learn and publish images of CIFAR."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from dcbench.api.errors import RequestError

if TYPE_CHECKING:
    from torch import Tensor

    from dcbench.api.data import ImageSet

EPSILON = 0.1
"""Added to each variance; all published codes have it."""

_LARGEST = 64 * 64 * 3  # numbers of an image: the covariance of these takes 1.2 GB
_BLOCK = 2048  # training images at a time


def unwhitened(images: Tensor, train: ImageSet, shift: tuple[Tensor, Tensor] | None = None) -> Tensor:
    """Return what (N, C, H, W) *images* were before they were whitened as kornia's ``ZCAWhitening`` does it.

    There white = (x - m) U (s + 0.1)^-1/2 U^T, for rows x of C*H*W numbers, with the mean m of the training images and
    U s U^T their covariance over N - 1. Here x = m + white U (s + 0.1)^1/2 U^T.

    Args:
        images: whitened images.
        train: the training images, which were pixels in [0, 1] when the whitening was fitted.
        shift: mean and std, (C, 1, 1) each, by which they were normalised before that; None for pixels.

    Returns:
        Pixels, or normalised images where *shift* is given; float32.

    Raises:
        RequestError: the images are too large for it.
    """
    size = images[0].numel()
    if size > _LARGEST:
        raise RequestError(
            f"the whitening of images of {size:,} numbers needs a matrix of {size:,} x {size:,}; at most {_LARGEST:,} "
            "are undone here: undo it where the set was made, and import pixels"
        )
    mean, covariance = _moments(train, shift)
    variances, directions = torch.linalg.eigh(covariance)
    root = directions * (variances.clamp(min=0) + EPSILON).sqrt() @ directions.mT
    pixels: Tensor = images.flatten(1).double() @ root + mean
    return pixels.float().view_as(images)


def _moments(train: ImageSet, shift: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor]:
    """Return mean (D,) and covariance (D, D) of the training images, float64."""
    blocks = torch.split(torch.arange(len(train)), _BLOCK)
    mean = torch.stack([_rows(train, block, shift).sum(0) for block in blocks]).sum(0) / len(train)
    covariance = torch.zeros(len(mean), len(mean), dtype=torch.float64)
    for block in blocks:
        rows = (_rows(train, block, shift) - mean).float()
        covariance += rows.mT @ rows  # float32 within a block, as kornia throughout; half the time of float64
    return mean, covariance / (len(train) - 1)


def _rows(train: ImageSet, block: Tensor, shift: tuple[Tensor, Tensor] | None) -> Tensor:
    pixels = train.pixels(block).double()
    if shift is not None:
        mean, std = shift
        pixels = (pixels - mean) / std
    return pixels.flatten(1)
