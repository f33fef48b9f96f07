"""DM literally: class by class forwards, one backward for the sum, one SGD step over normalised images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oracles.m3d import Draws


def condense(
    images: Tensor, draws: Sequence[Draws], *, lr: float, momentum: float, mean: Tensor, std: Tensor
) -> Tensor:
    """Return normalised (classes, ipc, C, H, W) after ``len(draws)`` iterations from normalised *images*."""
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
                difference = target[:, dimension].sum() / len(target) - features[:, dimension].sum() / len(features)
                loss = loss + difference**2
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return data.detach()
