"""IDM literally: class by class, network by network, with a list for the queue and torch's own optimisers."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from oracles.patches import decode_class
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


@dataclass
class Draws:
    """What is drawn for one iteration."""

    matched: int
    """Position in the queue, from the oldest on, of the network whose features are matched."""
    real: Tensor
    """(classes, n, C, H, W) pixels in [0, 1]."""
    augment: Callable[[Tensor, int], Tensor]
    """Takes normalised images (N, C, H, W) and their class."""
    trained: list[tuple[int, list[Tensor]]]
    """Position in the queue of each network that is trained, and the rows of its batches."""


@dataclass
class Recipe:
    """The settings."""

    lr: float
    momentum: float
    factor: int
    size: int
    interval: int
    window: int
    ce_weight: float
    train_lr: float
    train_momentum: float
    train_weight_decay: float


class Member:
    """A network in the queue."""

    def __init__(self, network: nn.Module, recipe: Recipe) -> None:
        self.network = copy.deepcopy(network).requires_grad_()
        self.optimiser = torch.optim.SGD(
            self.network.parameters(),
            lr=recipe.train_lr,
            momentum=recipe.train_momentum,
            weight_decay=recipe.train_weight_decay,
        )
        self.correct: list[bool] = []

    def percent(self) -> float:
        return 100 * sum(self.correct) / len(self.correct) if self.correct else 0.0

    def train(self, images: Tensor, labels: Tensor) -> None:
        self.network.train()
        logits = self.network(images)
        self.optimiser.zero_grad()
        functional.cross_entropy(logits, labels).backward()
        self.optimiser.step()
        self.correct += (logits.argmax(1) == labels).tolist()


def condense(
    images: Tensor,
    draws: Sequence[Draws],
    networks: Iterable[nn.Module],
    train: tuple[Tensor, Tensor],
    recipe: Recipe,
    *,
    mean: Tensor,
    std: Tensor,
) -> Tensor:
    """Return normalised (classes, ipc, C, H, W) after ``len(draws)`` iterations from normalised *images*.

    *networks* are the random networks in the order in which they join; *train* holds all pixels and labels.
    """
    classes, ipc = images.shape[:2]
    data = images.flatten(0, 1).clone().requires_grad_()
    optimiser = torch.optim.SGD([data], lr=recipe.lr, momentum=recipe.momentum)
    joining = iter(networks)
    queue = [Member(next(joining), recipe) for _ in range(3)]
    for iteration, draw in enumerate(draws):
        if recipe.window and iteration % recipe.window == 0:
            for member in queue:
                member.correct = []
        if iteration % recipe.interval == 0:
            queue.append(Member(next(joining), recipe))
        queue = queue[-recipe.size :]
        matched = queue[draw.matched]
        matched.network.eval()
        for label in range(classes):
            own = data[label * ipc : (label + 1) * ipc]
            synthetic = draw.augment((decode_class(own * std + mean, recipe.factor) - mean) / std, label)
            real = draw.augment((draw.real[label] - mean) / std, label)
            target = matched.network.embed(real).detach().mean(0)
            loss = ((target - matched.network.embed(synthetic).mean(0)) ** 2).sum()
            probabilities = matched.network(synthetic).softmax(1)[:, label]
            loss = loss + recipe.ce_weight * matched.percent() * -probabilities.log().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        for position, batches in draw.trained:
            for rows in batches:
                queue[position].train((train[0][rows] - mean) / std, train[1][rows])
    return data.detach().reshape(images.shape)
