"""The least that a computation must do: floating point operations, and bytes moved.

Networks are counted layer by layer from one image on the meta device. The output of every convolution and linear layer
is written once and read once in bf16, the image is read once; everything between layers can be fused and is free.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

_BF16 = 2


@dataclass(frozen=True)
class Cost:
    """Costs can be added, and multiplied by a number of times."""

    flops: float = 0
    """Floating point operations; a multiplication and an addition are two."""
    bytes: float = 0
    """Bytes read plus bytes written."""

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.flops + other.flops, self.bytes + other.bytes)

    def __rmul__(self, times: float) -> Cost:
        return Cost(times * self.flops, times * self.bytes)


@dataclass(frozen=True)
class NetworkCost:
    """The cost of a network for one image."""

    layers: tuple[Cost, ...]
    """Of each convolution and linear layer in the forward pass, in order; the first includes reading the image."""

    @property
    def forward(self) -> Cost:
        """One forward pass."""
        return reduce(add, self.layers, Cost())

    @property
    def image_gradient(self) -> Cost:
        """The backward pass to the image: the same products with the weights, and gradients as large as the outputs."""
        return self.forward

    @property
    def training(self) -> Cost:
        """The forward pass, the gradients of all weights, and those of the inputs of all layers but the image."""
        once = self.forward
        return Cost(3 * once.flops - self.layers[0].flops, 2 * once.bytes)


def network_cost(network: nn.Module, shape: tuple[int, int, int], forward: Callable[[nn.Module], Any]) -> NetworkCost:
    """Count the layers that run.

    Args:
        network: moved to the meta device, where it stays.
        shape: (C, H, W) of the image.
        forward: returns what is run, such as ``lambda network: network.embed``.
    """
    image = torch.empty((1, *shape), device="meta")
    layers: list[Cost] = []

    def count(layer: nn.Module, _: Any, output: Tensor) -> None:
        layers.append(Cost(2 * output.numel() * _products(layer), 2 * _BF16 * output.numel()))

    for module in network.to("meta").modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(count)
    with torch.no_grad():
        forward(network)(image)
    layers[0] += Cost(0, _BF16 * image.numel())
    return NetworkCost(tuple(layers))


def _products(layer: nn.Module) -> int:
    """Return how many products are summed for one number of the output of *layer*."""
    weight = layer.weight
    assert isinstance(weight, torch.Tensor)
    return weight[0].numel()
