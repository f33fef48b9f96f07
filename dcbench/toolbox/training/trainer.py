"""Training one network on a condensed set, as a `TrainingRecipe` says: schedule, loss and loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from dcbench.toolbox.training.batches import Preparation, TrainingSet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor, nn

    from dcbench.api.protocol import TrainingRecipe
    from dcbench.toolbox.augment import Mix


def train(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    recipe: TrainingRecipe,
    *,
    generator: torch.Generator,
    after_epoch: Callable[[int], None] | None = None,
) -> None:
    """Train *network* in place.

    Args:
        network: maps (N, C, H, W) to logits (N, classes).
        images: (N, C, H, W), uint8 or floating in [0, 1]; uint8 moves to the network's device batch by batch.
        labels: (N,) int64, or class probabilities (N, classes).
        recipe: everything else.
        generator: on the CPU, so that the draws are the same on every device; see `Preparation.epoch` for their order.
        after_epoch: called with the number of epochs done, 1 after the first. It may change the network's mode.

    Raises:
        ValueError: there are no images, or the numbers of images and labels differ.
    """
    data = TrainingSet(images, labels, recipe, network)
    preparation = Preparation(recipe, data.size)
    optimiser = _sgd(network, recipe)
    for epoch, rate in enumerate(schedule(recipe), start=1):
        network.train()
        if rate.fresh:
            optimiser = _sgd(network, recipe)
        optimiser.param_groups[0]["lr"] = rate.lr
        for draw in preparation.epoch(len(data), generator):
            batch, targets = data.batch(draw.rows)
            loss = _loss(network(preparation.apply(batch, draw)), targets, draw.mix)
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
        if after_epoch is not None:
            after_epoch(epoch)


def _sgd(network: nn.Module, recipe: TrainingRecipe) -> torch.optim.SGD:
    return torch.optim.SGD(
        network.parameters(), lr=recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay
    )


def _loss(logits: Tensor, labels: Tensor, mix: Mix | None) -> Tensor:
    if mix is None:
        return functional.cross_entropy(logits, labels)
    return mixed_cross_entropy(logits, labels, mix.partners.to(labels.device), mix.share)


def mixed_cross_entropy(logits: Tensor, labels: Tensor, partners: Tensor, share: float | Tensor) -> Tensor:
    """Return the cross-entropy of a batch that CutMix mixed.

    Args:
        logits: (n, classes).
        labels: (n,) int64, or class probabilities (n, classes).
        partners: (n,) int64: image i holds a part of image ``partners[i]``.
        share: part that an image keeps of itself; a number, or a tensor () of the type of *logits*.
    """
    own = functional.cross_entropy(logits, labels)
    others = functional.cross_entropy(logits, labels[partners])
    return share * own + (1 - share) * others


@dataclass(frozen=True)
class Rate:
    """How the optimiser treats one epoch."""

    lr: float
    """Learning rate."""
    fresh: bool
    """Whether the momentum starts from zero again."""


def schedule(recipe: TrainingRecipe) -> Iterator[Rate]:
    """Yield one rate for each epoch of *recipe*."""
    lr = recipe.lr
    for epoch in range(recipe.epochs):
        drops = epoch in recipe.milestones
        if drops:
            lr *= recipe.gamma
        yield Rate(lr, fresh=drops and recipe.reset_momentum)
