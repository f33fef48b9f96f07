"""DM literally: class by class forwards, one backward for the sum, one SGD step over normalised images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oracles.m3d import Draws


def condense(
    images: Tensor, draws: Sequence[Draws], *, lr: float, momentum: float, mean: Tensor, std: Tensor, order: int = 1
) -> Tensor:
    """Return normalised (classes, ipc, C, H, W) after ``len(draws)`` iterations from normalised *images*.

    With an *order* of 2 or 3 the loss has the central moments up to it as well.
    """
    data = images.clone().requires_grad_()
    optimiser = torch.optim.SGD([data], lr=lr, momentum=momentum)
    for draw in draws:
        loss = torch.zeros((), dtype=data.dtype)
        for label in range(len(data)):
            real = draw.augment((draw.real[label] - mean) / std, label)
            synthetic = draw.augment(data[label], label)
            target = draw.network.embed(real).detach()
            features = draw.network.embed(synthetic)
            for dimension in range(features.shape[1]):
                ours, theirs = (_moments(column[:, dimension], order) for column in (features, target))
                for one, other in zip(ours, theirs, strict=True):
                    loss = loss + (one - other) ** 2
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return data.detach()


def _moments(values: Tensor, order: int) -> list[Tensor]:
    mean = values.sum() / len(values)
    return [mean, *(((values - mean) ** power).sum() / len(values) for power in range(2, order + 1))]
