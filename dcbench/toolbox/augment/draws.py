"""Draws: the random numbers of an augmentation, separate from the images so that several batches can share them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import torch

from dcbench.toolbox.augment import operations

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

OPERATIONS = ("flip", "color", "crop", "cutout", "scale", "rotate")
"""The operations that a strategy may name; their places here are the ids of `Draw.operation`."""

UNIFORMS = 12
"""Uniform numbers that one row takes, whatever the strategy: the draws of a run then do not depend on it."""

_PLACES = {
    "flip": slice(0, 1),
    "color": slice(1, 4),
    "crop": slice(4, 6),
    "cutout": slice(6, 8),
    "scale": slice(8, 10),
    "rotate": slice(10, 11),
}
_WHOLE = ("crop", "cutout")
_OWNER = torch.tensor([place for place, name in enumerate(OPERATIONS) for _ in range(*_PLACES[name].indices(UNIFORMS))])
"""For each parameter, the operation that uses it."""
_FAR = -1e6  # no square around it reaches into an image
_NEUTRAL = torch.tensor([0, 0, 1, 1, 0, 0, _FAR, _FAR, 1, 1, 0], dtype=torch.float64)
"""Parameters under which every operation leaves an image as it is."""

_SCALE = 1.2
_DEGREES = 15.0


@dataclass(frozen=True, eq=False)
class Draw:
    """One parameter set per row."""

    operation: Tensor
    """(rows,) int64, always on the CPU: the place in `OPERATIONS` of the drawn operation, -1 if there is none."""
    parameters: Tensor
    """(rows, 11) floating: what every operation would use, in one tensor so that one copy takes it to a device."""

    def __len__(self) -> int:
        return len(self.operation)

    def index(self, rows: Tensor) -> Draw:
        """Return the draw whose row i is row ``rows[i]`` of this one.

        Args:
            rows: (n,) int64, may repeat; best on the CPU, since rows on an accelerator are waited for.
        """
        return Draw(self.operation[rows.cpu()], self.parameters[rows.to(self.parameters.device)])

    def between(self, start: int, end: int) -> Draw:
        """Return rows *start* to *end*, without a copy."""
        return Draw(self.operation[start:end], self.parameters[start:end])

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> Draw:
        """Return the draw with its parameters on *device*, as *dtype* if given; the ids stay on the CPU."""
        return Draw(self.operation, self.parameters.to(device, dtype))

    def of(self, name: str) -> tuple[Tensor, ...]:
        """Return the parameters (rows,) of operation *name* as `operations` takes them."""
        return arguments_of(name, self.parameters)

    def settled(self, always: Iterable[str]) -> Tensor:
        """Return parameters (rows, 11) that say by themselves which operations change a row.

        Those that were not drawn get values that change nothing, except the ones named in *always*.
        """
        drawn = self.operation.unsqueeze(1) == _OWNER
        for name in always:
            drawn |= OPERATIONS.index(name) == _OWNER
        device = self.parameters.device
        return torch.where(drawn.to(device), self.parameters, _NEUTRAL.to(self.parameters))


def arguments_of(name: str, parameters: Tensor) -> tuple[Tensor, ...]:
    """Return the columns of *parameters* (rows, 11) that operation *name* takes, each (rows,), of its own type."""
    values = parameters[:, _PLACES[name]]
    if name == "flip":
        values = values > 0
    elif name in _WHOLE:
        values = values.long()
    return values.unbind(1)


def parameters_of(uniforms: Tensor, size: int) -> Tensor:
    """Turn uniform numbers into the parameters of every operation.

    Args:
        uniforms: (rows, 11) in [0, 1), float64; in the order of `OPERATIONS`.
        size: side of the images in pixels.

    Returns:
        (rows, 11): flipped or not, brightness, saturation and contrast, crop down and right, cutout row and column,
        scale x and y, angle in radians.
    """
    reach, side = operations.crop_reach(size), operations.cutout_side(size)
    # A square of even side has its centre between pixels, of which there is one place more.
    centres = size + 1 - side % 2
    shift_by, multiply_by = _affine_constants(reach, centres)
    result = uniforms * multiply_by + shift_by
    result[:, 4:8].floor_()
    result[:, 0] = (uniforms[:, 0] < 0.5).to(uniforms.dtype)
    return result


@cache
def _affine_constants(reach: int, centres: int) -> tuple[Tensor, Tensor]:
    angle = math.radians(_DEGREES)
    width = 2.0 * reach + 1
    starts = [0.0, -0.5, 0.0, 0.5, -reach, -reach, 0.0, 0.0, 1 / _SCALE, 1 / _SCALE, -angle]
    widths = [1.0, 1.0, 2.0, 1.0, width, width, centres, centres, _SCALE - 1 / _SCALE, _SCALE - 1 / _SCALE, 2 * angle]
    return torch.tensor(starts, dtype=torch.float64), torch.tensor(widths, dtype=torch.float64)
