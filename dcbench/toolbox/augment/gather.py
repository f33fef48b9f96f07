"""Pixels gathered by position, with a gradient that can have the same bits every time, on a GPU too.

The backward pass of indexing sorts what it adds up when torch is told to be deterministic. That of ``gather`` and of
``grid_sample`` adds with atomic operations, in any order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor


def gather_pixels(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return pixel (rows[n, y, x], columns[n, y, x]) of image n at (y, x).

    The gradients of a pixel that is gathered several times are added in a fixed order, if torch is told to.

    Args:
        images: (N, C, H, W).
        rows: int64, of a shape that broadcasts to (N, h, w); positions inside of the images.
        columns: as *rows*.

    Returns:
        (N, C, h, w)
    """
    number = torch.arange(len(images), device=images.device).view(-1, 1, 1)
    return images.permute(0, 2, 3, 1)[number, rows, columns].permute(0, 3, 1, 2)


def sample_pixels(images: Tensor, grid: Tensor) -> Tensor:
    """Do what ``grid_sample`` does, bilinearly with zeros outside and ``align_corners=False``, by `gather_pixels`.

    Args:
        images: (N, C, H, W).
        grid: (N, h, w, 2), x and y of each pixel of the result, where -1 and 1 are the borders of an image.

    Returns:
        (N, C, h, w)
    """
    height, width = images.shape[-2:]
    # One zero pixel on each side is enough: positions further out are clamped to it.
    padded = functional.pad(images, (1, 1, 1, 1))
    left, across = _neighbours(grid[..., 0], width)
    top, down = _neighbours(grid[..., 1], height)

    def between(rows: Tensor) -> Tensor:
        one, other = (gather_pixels(padded, rows, _clamped(columns, width)) for columns in (left, left + 1))
        return torch.lerp(one, other, across.unsqueeze(1))

    one, other = (between(_clamped(rows, height)) for rows in (top, top + 1))
    return torch.lerp(one, other, down.unsqueeze(1))


def _neighbours(coordinates: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Return the last pixel before each of *coordinates*, and the distance from there, in pixels."""
    positions = ((coordinates + 1) * size - 1) / 2
    before = positions.floor()
    return before, positions - before


def _clamped(positions: Tensor, size: int) -> Tensor:
    """Return *positions* in an image that has one more pixel on each side."""
    return (positions + 1).clamp(0, size + 1).long()
