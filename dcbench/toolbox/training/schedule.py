"""The learning rate over the epochs of a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dcbench.api.protocol import TrainingRecipe


@dataclass(frozen=True)
class Rate:
    """How the optimiser goes through one epoch."""

    lr: float
    """Learning rate."""
    fresh: bool
    """Whether the momentum starts from nothing once more."""


def schedule(recipe: TrainingRecipe) -> Iterator[Rate]:
    """Yield one rate for each epoch of *recipe*."""
    lr = recipe.lr
    for epoch in range(recipe.epochs):
        drops = epoch in recipe.milestones
        if drops:
            lr *= recipe.gamma
        yield Rate(lr, fresh=drops and recipe.reset_momentum)
