"""M3D literally: one SGD step per class over one tensor that holds the images of all classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from oracles.mmd import mmd
from oracles.patches import decode_class
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass
class Draws:
    """What is drawn for one iteration."""

    real: Tensor
    """(classes, n, C, H, W) pixels in [0, 1]."""
    chosen: Tensor | None
    """(classes, m) positions among the decoded images of a class; None takes all."""
    augment: Callable[[Tensor, int], Tensor]
    """Takes normalised images (N, C, H, W) and their class."""
    network: nn.Module
    """Has `embed`."""


def condense(
    images: Tensor,
    draws: Sequence[Draws],
    *,
    lr: float,
    momentum: float,
    factor: int,
    kernel: str,
    mean: Tensor,
    std: Tensor,
) -> Tensor:
    """Return (classes, ipc, C, H, W) after ``len(draws)`` iterations from *images* of that shape."""
    classes, ipc = images.shape[:2]
    data = images.flatten(0, 1).clone().requires_grad_()
    optimiser = torch.optim.SGD([data], lr=lr, momentum=momentum)
    for draw in draws:
        data.data.clamp_(0, 1)
        for label in range(classes):
            synthetic = decode_class(data[label * ipc : (label + 1) * ipc], factor)
            if draw.chosen is not None:
                synthetic = synthetic[draw.chosen[label]]
            both = (torch.cat([draw.real[label], synthetic]) - mean) / std
            both = draw.augment(both, label)
            count = draw.real.shape[1]
            with torch.no_grad():
                real_features = draw.network.embed(both[:count])
            features = draw.network.embed(both[count:])
            loss = mmd(kernel, features, real_features)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return data.detach().reshape(images.shape)
