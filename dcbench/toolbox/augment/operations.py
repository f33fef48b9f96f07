"""The operations of differentiable siamese augmentation, each for a whole batch, with parameters per image.

Formulas: DSA (Zhao and Bilen, ICML 2021) as coded in ``VICO-UoE/DatasetCondensation``, ``utils.py``. Images are
(N, C, H, W), square and normalised, so that zero is the mean image; parameters are (N,) tensors on the device of the
images. All are differentiable in the images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from dcbench.toolbox.augment.gather import gather_pixels, sample_pixels

if TYPE_CHECKING:
    from torch import Tensor

CROP_RATIO = 0.125
CUTOUT_RATIO = 0.5


def crop_reach(size: int) -> int:
    """Return by how many pixels `crop` may shift an image of side *size*."""
    return int(size * CROP_RATIO + 0.5)


def cutout_side(size: int) -> int:
    """Return the side in pixels of the square that `cutout` takes out of an image of side *size*."""
    return int(size * CUTOUT_RATIO + 0.5)


def _per_image(values: Tensor, images: Tensor) -> Tensor:
    return values.to(images.dtype).view(-1, 1, 1, 1)


def _must_be_deterministic(images: Tensor) -> bool:
    """Return whether gradients must have the same bits every time. On a GPU the quick kernels add them in any order."""
    return images.is_cuda and torch.are_deterministic_algorithms_enabled()


def flip(images: Tensor, flipped: Tensor) -> Tensor:
    """Mirror the width axis of the images for which *flipped* (N,) is true."""
    return torch.where(flipped.view(-1, 1, 1, 1), images.flip(3), images)


def color(images: Tensor, brightness: Tensor, saturation: Tensor, contrast: Tensor) -> Tensor:
    """Change brightness, then saturation, then contrast.

    Args:
        images: (N, C, H, W).
        brightness: (N,), added to every pixel.
        saturation: (N,), multiplies the distance to the mean over the channels.
        contrast: (N,), multiplies the distance to the mean over channels and pixels.
    """
    images = images + _per_image(brightness, images)
    grey = images.mean(1, keepdim=True)
    images = (images - grey) * _per_image(saturation, images) + grey
    mean = images.mean((1, 2, 3), keepdim=True)
    return (images - mean) * _per_image(contrast, images) + mean


def crop(images: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Move the window by whole pixels, *down* and *right* (N,) int64; zeros enter at the border."""
    count, channels, height, width = images.shape
    # One zero pixel on each side is enough: positions further out are clamped to it.
    padded = functional.pad(images, (1, 1, 1, 1))
    rows = (torch.arange(1, height + 1, device=images.device) + down.view(-1, 1)).clamp(0, height + 1)
    columns = (torch.arange(1, width + 1, device=images.device) + right.view(-1, 1)).clamp(0, width + 1)
    if _must_be_deterministic(images):
        return gather_pixels(padded, rows.unsqueeze(2), columns.unsqueeze(1))
    padded = padded.gather(2, rows.view(count, 1, height, 1).expand(-1, channels, -1, width + 2))
    return padded.gather(3, columns.view(count, 1, 1, width).expand(-1, channels, height, -1))


def cutout(images: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """Set a square of side `cutout_side` to zero around (*row*, *column*), (N,) int64, clipped at the border."""
    side = cutout_side(images.shape[-1])

    def inside(centres: Tensor, size: int) -> Tensor:
        offset = torch.arange(size, device=images.device) - centres.view(-1, 1) + side // 2
        return (offset >= 0) & (offset < side)

    hit_rows = inside(row, images.shape[2]).view(len(images), 1, -1, 1)
    hit_columns = inside(column, images.shape[3]).view(len(images), 1, 1, -1)
    return images.masked_fill(hit_rows & hit_columns, 0)


def _affine(images: Tensor, entries: tuple[Tensor, Tensor, Tensor, Tensor]) -> Tensor:
    zero = torch.zeros_like(entries[0])
    matrices = torch.stack([entries[0], entries[1], zero, entries[2], entries[3], zero], 1).view(-1, 2, 3)
    grid = functional.affine_grid(matrices.to(images.dtype), list(images.shape), align_corners=False)
    if _must_be_deterministic(images):
        return sample_pixels(images, grid)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def scale(images: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Sample bilinearly at *x* and *y* (N,) times the coordinates: below 1 enlarges; above 1 shrinks, zeros enter."""
    zero = torch.zeros_like(x)
    return _affine(images, (x, zero, zero, y))


def rotate(images: Tensor, angle: Tensor) -> Tensor:
    """Sample bilinearly at coordinates turned by *angle* (N,) radians; zeros enter at the corners."""
    cosine, sine = angle.cos(), angle.sin()
    return _affine(images, (cosine, -sine, sine, cosine))


def scale_and_rotate(images: Tensor, x: Tensor, y: Tensor, angle: Tensor) -> Tensor:
    """Sample once for `scale` and `rotate` together: for rows that one of the two leaves as they are."""
    cosine, sine = angle.cos(), angle.sin()
    return _affine(images, (cosine * x, -sine * y, sine * x, cosine * y))
