"""Maximum mean discrepancy of one class, entry by entry, for each kernel of M3D."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

MULTIPLES = (0.25, 0.5, 1.0, 2.0, 4.0)


def squared_distance(x: Tensor, y: Tensor) -> Tensor:
    return ((x - y) ** 2).sum()


def bandwidth(synthetic: Tensor, real: Tensor) -> Tensor:
    """Mean squared distance over all ordered pairs of different rows of the pooled batch."""
    rows = [*synthetic.detach(), *real.detach()]
    total = sum(
        (squared_distance(rows[i], rows[j]) for i in range(len(rows)) for j in range(len(rows)) if i != j),
        start=torch.zeros((), dtype=synthetic.dtype),
    )
    return total / (len(rows) ** 2 - len(rows))


def kernel_of(name: str, synthetic: Tensor, real: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    width = bandwidth(synthetic, real)

    def gaussian(x: Tensor, y: Tensor) -> Tensor:
        total = torch.zeros((), dtype=x.dtype)
        for multiple in MULTIPLES:
            total = total + torch.exp(-squared_distance(x, y) / (width * multiple))
        return total

    return {
        "gaussian": gaussian,
        "linear": lambda x, y: (x * y).sum(),
        "polynomial": lambda x, y: ((x * y).sum() + 1) ** 2,
    }[name]


def mean_of_pairs(kernel: Callable[[Tensor, Tensor], Tensor], left: Tensor, right: Tensor) -> Tensor:
    total = torch.zeros((), dtype=left.dtype)
    for x in left:
        for y in right:
            total = total + kernel(x, y)
    return total / (len(left) * len(right))


def mmd(name: str, synthetic: Tensor, real: Tensor) -> Tensor:
    """Biased squared MMD of (n, D) and (m, D) features; diagonals included."""
    kernel = kernel_of(name, synthetic, real)
    return (
        mean_of_pairs(kernel, synthetic, synthetic)
        - 2 * mean_of_pairs(kernel, synthetic, real)
        + mean_of_pairs(kernel, real, real)
    )
