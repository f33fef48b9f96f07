"""The augmentation of DC: every image of a batch gets one operation of its own, much stronger than those of DSA.

Facts from ``VICO-UoE/DatasetCondensation`` (``augment`` and ``get_daparam`` in ``utils.py``): crop shifts by up to 4 px
and fills with the mean of the batch, scale resizes each side by 0.8 to 1.2 to the nearest pixel and fills with zero,
rotate turns by -45 to 44 whole degrees and fills with the mean. Rotation is by cubic splines there, bilinear here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from dcbench.toolbox.augment.picking import pick

if TYPE_CHECKING:
    from torch import Tensor

OPERATIONS = ("crop", "scale", "rotate")
"""What a strategy may name; the places are the ids of `DCDraw.operation`."""

_CROP = 4
_SCALE = 0.2
_DEGREES = 45


@dataclass(frozen=True, eq=False)
class DCDraw:
    """One operation and two uniform numbers per image, on the CPU."""

    operation: Tensor
    """(N,) int64, places in `OPERATIONS`."""
    uniforms: Tensor
    """(N, 2) float64 in [0, 1)."""


class DCAugmentation:
    """A strategy of DC, such as ``crop_scale_rotate``.

    Raises:
        ValueError: the strategy names no operation, or one that does not exist.
    """

    def __init__(self, strategy: str) -> None:
        """Take the operations that *strategy* names, joined by underscores."""
        names = strategy.split("_")
        unknown = [name for name in names if name not in OPERATIONS]
        if unknown:
            raise ValueError(f"unknown augmentation {unknown[0]!r}; known are {', '.join(OPERATIONS)}")
        self._places = sorted({OPERATIONS.index(name) for name in names})
        self._ids = torch.tensor([OPERATIONS.index(name) for name in names])

    def draw(self, rows: int, size: int, generator: torch.Generator) -> DCDraw:  # noqa: ARG002  (one signature for all)
        """Draw for *rows* images of any *size*: three uniform float64 numbers each, from the CPU."""
        uniforms = torch.rand((rows, 3), generator=generator, dtype=torch.float64)
        return DCDraw(self._ids[(uniforms[:, 0] * len(self._ids)).long()], uniforms[:, 1:])

    def apply(self, images: Tensor, draw: DCDraw) -> Tensor:
        """Return *images* (N, C, H, W), square and normalised, image i changed by row i of *draw*."""
        result = images.clone()
        for place, operation in enumerate(_APPLY):
            rows = (draw.operation == place).nonzero().flatten()
            if len(rows):
                here = rows.to(images.device)
                result[here] = operation(images[here], draw.uniforms[rows].to(images.device), images)
        return result

    @staticmethod
    def settle(draw: DCDraw) -> Tensor:
        """Return *draw* as parameters (N, 3) for `apply_settled`, on the CPU."""
        return torch.cat([draw.operation.double().unsqueeze(1), draw.uniforms], 1)

    def apply_settled(self, images: Tensor, parameters: Tensor) -> Tensor:
        """Do what `apply` does, by the same kernels whatever was drawn: what a captured step needs.

        Every named operation runs on every image.

        Args:
            images: (N, C, H, W), as for `apply`.
            parameters: (N, 3) from `settle`, on the device of *images*.
        """
        drawn = parameters[:, 0].view(-1, 1, 1, 1)
        result = images
        for place in self._places:
            result = torch.where(drawn == place, _APPLY[place](images, parameters[:, 1:], images), result)
        return result


def _crop(images: Tensor, uniforms: Tensor, batch: Tensor) -> Tensor:
    offsets = (uniforms * 2 * _CROP).floor().long() - _CROP
    places = offsets.unsqueeze(-1) + torch.arange(images.shape[-1], device=images.device)
    return _gathered(images, places[:, 0], places[:, 1], batch.mean((0, 2, 3)).view(1, -1, 1, 1))


def _scale(images: Tensor, uniforms: Tensor, batch: Tensor) -> Tensor:  # noqa: ARG001  (one signature for all)
    size = images.shape[-1]
    sides = ((1 - _SCALE + 2 * _SCALE * uniforms) * size).long()
    canvas = sides.amax(1, keepdim=True).clamp_min(size)
    # Both the resized image and the part that is kept lie in the middle of the canvas.
    first = (canvas - size) // 2 - (canvas - sides) // 2
    places = first.unsqueeze(-1) + torch.arange(size, device=images.device)
    inside = (places >= 0) & (places < sides.unsqueeze(-1))
    sources = torch.where(inside, places * size // sides.unsqueeze(-1), -1)
    return _gathered(images, sources[:, 0], sources[:, 1], images.new_zeros(1))


def _rotate(images: Tensor, uniforms: Tensor, batch: Tensor) -> Tensor:
    degrees = (uniforms[:, 0] * 2 * _DEGREES).floor() - _DEGREES
    angle = (degrees * (math.pi / 180)).to(images.dtype)
    zero = torch.zeros_like(angle)
    top = torch.stack([angle.cos(), -angle.sin(), zero], 1)
    bottom = torch.stack([angle.sin(), angle.cos(), zero], 1)
    grid = functional.affine_grid(torch.stack([top, bottom], 1), list(images.shape), align_corners=False)
    fill = batch.mean()
    return functional.grid_sample(images - fill, grid, align_corners=False) + fill


def _gathered(images: Tensor, rows: Tensor, columns: Tensor, fill: Tensor) -> Tensor:
    """Return pixel (rows[n, y], columns[n, x]) of image n at (y, x), and *fill* where that lies outside."""
    size = images.shape[-1]
    inside = ((rows >= 0) & (rows < size)).unsqueeze(-1) & ((columns >= 0) & (columns < size)).unsqueeze(-2)
    picked = pick(images, rows.clamp(0, size - 1).unsqueeze(-1), columns.clamp(0, size - 1).unsqueeze(-2))
    return torch.where(inside.unsqueeze(1), picked, fill)


_APPLY = (_crop, _scale, _rotate)
"""The operations in the order of `OPERATIONS`."""
