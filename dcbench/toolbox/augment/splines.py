"""Rotation by cubic splines, as ``scipy.ndimage.rotate`` does it with its defaults, for a batch at a time.

An image is the sum of cubic B-splines, one for each pixel, that passes through every pixel. Beyond its border it
continues as its mirror image. Positions outside of the image get a fill.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from dcbench.toolbox.augment.gather import gather_pixels

if TYPE_CHECKING:
    from torch import Tensor


class SplineRotation:
    """Turns each image of a batch by an angle of its own."""

    def __init__(self) -> None:
        self._inverses: dict[tuple[int, torch.device], Tensor] = {}
        """Kept as long as the rotation: a captured step reads them at every replay."""

    def __call__(self, images: Tensor, degrees: Tensor, fill: Tensor) -> Tensor:
        """Turn each image on a canvas on which all of it fits, and cut out the middle in the old size.

        The cut begins at a whole pixel: it is half a pixel off the centre if the side of the canvas and the old side
        differ by an odd number. Computed in float64. The kernels do not depend on the angles, the host reads nothing,
        and only the first call for a size and a device copies anything there.

        Args:
            images: (N, C, size, size), at least 2 pixels to a side.
            degrees: (N,) of any type, on the device of *images*; the sign is that of ``scipy.ndimage.rotate``.
            fill: () the value outside of an image.

        Returns:
            (N, C, size, size), the type of *images*.
        """
        size = images.shape[-1]
        rows, columns = _positions(degrees, size)
        inside = ((rows >= 0) & (rows <= size - 1) & (columns >= 0) & (columns <= size - 1)).unsqueeze(1)
        weights, taps = _taps(rows, size)
        across_weights, across = _taps(columns, size)
        solve = self._inverse(size, images.device)
        coefficients = solve @ images.double() @ solve.T
        result = torch.zeros((), dtype=torch.float64, device=images.device)
        for weight, tap in zip(weights, taps, strict=True):
            along = zip(across_weights, across, strict=True)
            line = sum(other.unsqueeze(1) * gather_pixels(coefficients, tap, column) for other, column in along)
            result = result + weight.unsqueeze(1) * line
        return torch.where(inside, result, fill.double()).to(images.dtype)

    def _inverse(self, size: int, device: torch.device) -> Tensor:
        if (size, device) not in self._inverses:
            with torch.inference_mode(
                mode=False
            ):  # a tensor made in inference mode could not be used in a backward pass
                self._inverses[size, device] = _inverse(size).to(device)
        return self._inverses[size, device]


def _positions(degrees: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Return the position in the image of each pixel of the result: rows and columns, each (N, size, size) float64."""
    angle = (degrees.double() * (math.pi / 180)).view(-1, 1, 1)
    cosine, sine = angle.cos(), angle.sin()
    enlarged = (size * (cosine.abs() + sine.abs()) + 0.5).floor()
    first = ((enlarged - size) / 2).floor()
    middle, enlarged_middle = (size - 1) / 2, (enlarged - 1) / 2
    row_offset = middle - (cosine + sine) * enlarged_middle
    column_offset = middle - (cosine - sine) * enlarged_middle
    steps = torch.arange(size, dtype=torch.float64, device=degrees.device)
    down, right = first + steps.unsqueeze(1), first + steps
    return row_offset + cosine * down + sine * right, column_offset - sine * down + cosine * right


def _taps(positions: Tensor, size: int) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Return the weights of the four splines around each of *positions* along an axis, and their pixels, int64."""
    before = positions.floor()
    t = positions - before
    u = 1 - t
    weights = (
        u**3 / 6,
        (4 - 3 * t * t * (2 - t)) / 6,
        (4 - 3 * u * u * (2 - u)) / 6,
        t**3 / 6,
    )
    period = 2 * size - 2
    pixels = [(before.long() + step).remainder(period) for step in (-1, 0, 1, 2)]
    return weights, tuple(torch.minimum(pixel, period - pixel) for pixel in pixels)


def _inverse(size: int) -> Tensor:
    """Return the matrix (size, size) float64 from pixels to the weights of the splines, along one axis."""
    splines = torch.eye(size, dtype=torch.float64) * (4 / 6)
    for pixel in range(size):
        for neighbour in (pixel - 1, pixel + 1):
            mirrored = abs(neighbour) if neighbour < size else 2 * size - 2 - neighbour
            splines[pixel, mirrored] += 1 / 6
    inverse: Tensor = torch.linalg.inv(splines)
    return inverse
