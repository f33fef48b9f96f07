"""The augmentation of DC: every image of a batch gets one operation of its own, much stronger than those of DSA.

Facts from ``VICO-UoE/DatasetCondensation`` (``augment`` and ``get_daparam`` in ``utils.py``): crop shifts by up to 4 px
and fills with the mean of the batch, scale resizes each side by 0.8 to 1.2 to the nearest pixel and fills with zero,
rotate turns by -45 to 44 whole degrees and fills with the mean, noise adds normal numbers of standard deviation 0.001.
Rotation is by cubic splines there: the canvas grows until the whole turned image fits, and the middle is cut out. The
cut begins at a whole pixel, so it is half a pixel off the centre at 44 of the 90 angles (28 px).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch.nn import functional

from dcbench.api.renamed import RenamedMethod
from dcbench.toolbox.augment.gather import gather_pixels
from dcbench.toolbox.augment.splines import SplineRotation

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    Operation = Callable[[Tensor, Tensor, Tensor], Tensor]
    """Takes images, the numbers drawn for each (uniforms, then noise), and the batch that the images are from."""

OPERATIONS = ("crop", "scale", "rotate", "noise")
"""What a strategy may name; the positions here are the ids of `DCDraw.operation`."""

_CROP = 4
_SCALE = 0.2
_DEGREES = 45
_NOISE = 0.001

_UNIFORMS = 2


@dataclass(frozen=True, eq=False)
class DCDraw:
    """One operation and two uniform numbers per image, and noise if it can be drawn, on the CPU."""

    operation: Tensor
    """(N,) int64, positions in `OPERATIONS`."""
    uniforms: Tensor
    """(N, 2) float64 in [0, 1)."""
    noise: Tensor
    """(N, C * size * size) float64, standard normal; (N, 0) if the strategy does not name noise."""


class DCAugmentation:
    """A strategy of DC, such as ``crop_scale_rotate``.

    Args:
        strategy: the operations, joined by underscores.
        rotation: ``spline`` rotates as the published code does; ``bilinear`` rotates about the centre, with values
            between the four nearest pixels, as dcbench did in its first recipes.
        channels: of the images; noise is drawn for each.

    Raises:
        ValueError: the strategy is empty, or names an operation that does not exist.
    """

    def __init__(self, strategy: str, rotation: Literal["bilinear", "spline"] = "bilinear", channels: int = 1) -> None:
        names = strategy.split("_")
        unknown = [name for name in names if name not in OPERATIONS]
        if unknown:
            raise ValueError(f"unknown augmentation {unknown[0]!r}; known are {', '.join(OPERATIONS)}")
        self._places = sorted({OPERATIONS.index(name) for name in names})
        self._ids = torch.tensor([OPERATIONS.index(name) for name in names])
        self._channels = channels
        rotate = _by_splines(SplineRotation()) if rotation == "spline" else _rotate_bilinearly
        self._apply: tuple[Operation, ...] = (_crop, _scale, rotate, _add_noise)
        """In the order of `OPERATIONS`."""

    def draw(self, rows: int, size: int, generator: torch.Generator) -> DCDraw:
        """Draw for *rows* images: three uniform float64 numbers each, then their noise if it is named; on the CPU."""
        uniforms = torch.rand((rows, 1 + _UNIFORMS), generator=generator, dtype=torch.float64)
        values = self._channels * size * size if OPERATIONS.index("noise") in self._places else 0
        noise = torch.randn((rows, values), generator=generator, dtype=torch.float64)
        return DCDraw(self._ids[(uniforms[:, 0] * len(self._ids)).long()], uniforms[:, 1:], noise)

    def apply(self, images: Tensor, draw: DCDraw) -> Tensor:
        """Return *images* (N, C, H, W), square and normalised, image i changed by row i of *draw*."""
        result = images.clone()
        numbers = torch.cat([draw.uniforms, draw.noise], 1)
        for place in self._places:
            rows = (draw.operation == place).nonzero().flatten()
            if len(rows):
                here = rows.to(images.device)
                result[here] = self._apply[place](images[here], numbers[rows].to(images.device), images)
        return result

    @staticmethod
    def as_tensors(draw: DCDraw) -> Tensor:
        """Return *draw* as parameters (N, 3) for `apply_tensors`, on the CPU; (N, 3 + C * size * size) with noise."""
        return torch.cat([draw.operation.double().unsqueeze(1), draw.uniforms, draw.noise], 1)

    def apply_tensors(self, images: Tensor, parameters: Tensor) -> Tensor:
        """Do what `apply` does, by the same kernels whatever was drawn, as a captured step must.

        Every named operation runs on every image.

        Args:
            images: (N, C, H, W), as for `apply`.
            parameters: (N, ...) from `as_tensors`, on the device of *images*.
        """
        drawn = parameters[:, 0].view(-1, 1, 1, 1)
        result = images
        for place in self._places:
            result = torch.where(drawn == place, self._apply[place](images, parameters[:, 1:], images), result)
        return result

    settle = RenamedMethod("as_tensors")
    apply_settled = RenamedMethod("apply_tensors")


def _crop(images: Tensor, numbers: Tensor, batch: Tensor) -> Tensor:
    offsets = (numbers[:, :_UNIFORMS] * 2 * _CROP).floor().long() - _CROP
    places = offsets.unsqueeze(-1) + torch.arange(images.shape[-1], device=images.device)
    return _gathered(images, places[:, 0], places[:, 1], batch.mean((0, 2, 3)).view(1, -1, 1, 1))


def _scale(images: Tensor, numbers: Tensor, batch: Tensor) -> Tensor:  # noqa: ARG001  (one signature for all)
    size = images.shape[-1]
    sides = ((1 - _SCALE + 2 * _SCALE * numbers[:, :_UNIFORMS]) * size).long()
    canvas = sides.amax(1, keepdim=True).clamp_min(size)
    # The resized image and the part that is kept both lie in the middle of the canvas.
    first = (canvas - size) // 2 - (canvas - sides) // 2
    places = first.unsqueeze(-1) + torch.arange(size, device=images.device)
    inside = (places >= 0) & (places < sides.unsqueeze(-1))
    sources = torch.where(inside, places * size // sides.unsqueeze(-1), -1)
    return _gathered(images, sources[:, 0], sources[:, 1], images.new_zeros(1))


def _by_splines(rotation: SplineRotation) -> Operation:
    return lambda images, numbers, batch: rotation(images, _degrees(numbers), batch.mean())


def _rotate_bilinearly(images: Tensor, numbers: Tensor, batch: Tensor) -> Tensor:
    angle = (_degrees(numbers) * (math.pi / 180)).to(images.dtype)
    zero = torch.zeros_like(angle)
    top = torch.stack([angle.cos(), -angle.sin(), zero], 1)
    bottom = torch.stack([angle.sin(), angle.cos(), zero], 1)
    grid = functional.affine_grid(torch.stack([top, bottom], 1), list(images.shape), align_corners=False)
    fill = batch.mean()
    return functional.grid_sample(images - fill, grid, align_corners=False) + fill


def _degrees(numbers: Tensor) -> Tensor:
    return (numbers[:, 0] * 2 * _DEGREES).floor() - _DEGREES


def _add_noise(images: Tensor, numbers: Tensor, batch: Tensor) -> Tensor:  # noqa: ARG001  (one signature for all)
    return images + _NOISE * numbers[:, _UNIFORMS:].view_as(images).to(images.dtype)


def _gathered(images: Tensor, rows: Tensor, columns: Tensor, fill: Tensor) -> Tensor:
    """Return pixel (rows[n, y], columns[n, x]) of image n at (y, x), and *fill* where that lies outside."""
    size = images.shape[-1]
    inside = ((rows >= 0) & (rows < size)).unsqueeze(-1) & ((columns >= 0) & (columns < size)).unsqueeze(-2)
    found = gather_pixels(images, rows.clamp(0, size - 1).unsqueeze(-1), columns.clamp(0, size - 1).unsqueeze(-2))
    return torch.where(inside.unsqueeze(1), found, fill)
