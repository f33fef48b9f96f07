"""What is drawn for one batch of a training, as it is drawn and as tensors of fixed shape."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import torch

from dcbench.toolbox.devices import send

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from dcbench.toolbox.augment import Mix


@dataclass(frozen=True, eq=False)
class BatchDraw:
    """What was drawn for one batch of n images."""

    rows: Tensor
    """(n,) int64, on the CPU: positions in the training set."""
    augmentation: Any
    """A draw of the recipe's augmentation; None if there is none."""
    mix: Mix | None
    """A draw of CutMix; None for a batch that is left alone."""


@dataclass(frozen=True, eq=False)
class SettledDraw:
    """A `BatchDraw` as tensors whose shapes do not depend on what was drawn; further leading axes hold several."""

    rows: Tensor
    """(n,) int64: positions in the training set."""
    parameters: Tensor
    """(n, p) float64: settled parameters of the augmentation; p is 0 without one."""
    partners: Tensor
    """(n,) int64: who gives to CutMix, see `CutMix.settle`; (0,) without it."""
    box: Tensor
    """(4,) int64, see `CutMix.settle`; (0,) without it."""
    share: Tensor
    """() float64: weight of an image's own label; 1 for a batch that is not mixed."""

    @classmethod
    def stack(cls, draws: Sequence[SettledDraw]) -> SettledDraw:
        """Return *draws* with a new first axis."""
        return cls(*map(torch.stack, zip(*(draw.tensors() for draw in draws), strict=True)))

    def tensors(self) -> tuple[Tensor, ...]:
        """Return the fields in their order."""
        return tuple(getattr(self, field.name) for field in fields(self))

    def __getitem__(self, index: int) -> SettledDraw:
        return SettledDraw(*(tensor[index] for tensor in self.tensors()))

    def to(self, device: torch.device) -> SettledDraw:
        """Return the draw, which is on the CPU, on *device*; nobody waits while a GPU fetches it."""
        return SettledDraw(*(send(tensor, device) for tensor in self.tensors()))

    def copy_(self, other: SettledDraw) -> None:
        """Take over the values of *other*, which has the same shapes."""
        for mine, theirs in zip(self.tensors(), other.tensors(), strict=True):
            mine.copy_(theirs)
