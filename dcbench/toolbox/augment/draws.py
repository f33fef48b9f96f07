"""Draws: the random numbers of an augmentation, apart from the images, so that several batches can share them."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Self

import torch

from dcbench.api.renamed import RenamedMethod
from dcbench.toolbox.augment import operations
from dcbench.toolbox.devices import to_device_async

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

OPERATIONS = ("flip", "color", "crop", "cutout", "scale", "rotate")
"""The operations that a strategy may name; their positions here are the ids of `Draw.operation`."""

UNIFORMS = 12
"""Uniform numbers per row, the same for every strategy, so that later draws of a run do not depend on it."""

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
_FAR = -1e6  # a square around it lies outside of every image
_NEUTRAL = torch.tensor([0, 0, 1, 1, 0, 0, _FAR, _FAR, 1, 1, 0], dtype=torch.float64)
"""Parameters under which every operation leaves an image as it is."""

_SCALE = 1.2
_DEGREES = 15.0


@dataclass(frozen=True, eq=False)
class Draw:
    """One set of parameters per row."""

    operation: Tensor
    """(rows,) int64, always on the CPU: the position in `OPERATIONS` of the drawn operation, -1 without one."""
    parameters: Tensor
    """(rows, 11) floating: the parameters of every operation, in one tensor, which takes one copy to a device."""

    def __len__(self) -> int:
        return len(self.operation)

    def index(self, rows: Tensor) -> Draw:
        """Return the draw whose row i is row ``rows[i]`` of this one.

        Args:
            rows: (n,) int64, may repeat; best on the CPU, since the host blocks until rows of an accelerator arrive.
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

    def as_tensors(self, always: Iterable[str]) -> Tensor:
        """Return parameters (rows, 11) under which an operation that was not drawn leaves the image as it is.

        So all operations can run on all rows, and the ids are not needed. Operations in *always* keep their parameters.
        """
        drawn = self.operation.unsqueeze(1) == _OWNER
        for name in always:
            drawn |= OPERATIONS.index(name) == _OWNER
        device = self.parameters.device
        return torch.where(drawn.to(device), self.parameters, _NEUTRAL.to(self.parameters))

    settled = RenamedMethod("as_tensors")


@dataclass(frozen=True, eq=False)
class TensorDraw:
    """A draw as tensors whose shapes do not depend on what was drawn: the base of what a captured step reads.

    A subclass is a frozen dataclass whose fields are tensors, or None in all draws of a run.
    """

    def tensors(self) -> tuple[Tensor, ...]:
        """Return the fields that are not None, in their order."""
        return tuple(tensor for tensor in self._fields().values() if tensor is not None)

    def to(self, device: torch.device) -> Self:
        """Return the draw, which is on the CPU, on *device*; the host goes on while a GPU copies it."""
        moved = {name: None if one is None else to_device_async(one, device) for name, one in self._fields().items()}
        return replace(self, **moved)

    def copy_(self, other: Self) -> None:
        """Overwrite the tensors with those of *other*, which have the same shapes."""
        for mine, theirs in zip(self.tensors(), other.tensors(), strict=True):
            mine.copy_(theirs, non_blocking=True)

    def _fields(self) -> dict[str, Tensor | None]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


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
