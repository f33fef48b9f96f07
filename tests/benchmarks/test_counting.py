from __future__ import annotations

import pytest
from torch import Tensor, nn

from benchmarks.counting import Cost, network_cost
from dcbench.toolbox.networks import ConvNet, ResNet


class Small(nn.Module):
    """A strided convolution of (2, 6, 6) to (4, 3, 3), a grouped one that keeps it, and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3, stride=2, padding=1)
        self.second = nn.Conv2d(4, 4, 1, groups=2)
        self.norm = nn.GroupNorm(4, 4)
        self.unused = nn.Conv2d(4, 4, 3)
        self.classifier = nn.Linear(36, 5)

    def embed(self, images: Tensor) -> Tensor:
        return self.norm(self.second(self.first(images))).flatten(1)

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.embed(images))


FIRST = Cost(2 * 36 * (2 * 9), 4 * 36 + 2 * 72)
SECOND = Cost(2 * 36 * 2, 4 * 36)
CLASSIFIER = Cost(2 * 36 * 5, 4 * 5)


def test_layers_that_run_are_counted_by_hand() -> None:
    assert network_cost(Small(), (2, 6, 6), lambda network: network.embed).layers == (FIRST, SECOND)
    assert network_cost(Small(), (2, 6, 6), lambda network: network).layers == (FIRST, SECOND, CLASSIFIER)


def test_training_needs_no_gradient_of_the_images() -> None:
    cost = network_cost(Small(), (2, 6, 6), lambda network: network)
    assert cost.forward == FIRST + SECOND + CLASSIFIER
    assert cost.training.flops == 2 * FIRST.flops + 3 * (SECOND.flops + CLASSIFIER.flops)
    assert cost.training.bytes == 2 * cost.forward.bytes


@pytest.mark.parametrize(
    ("network", "side", "millions"),
    [
        (ConvNet((3, 32, 32), 10), 32, 2 * 128 * (27 * 1024 + 1152 * (256 + 64)) / 1e6),
        (ResNet((3, 224, 224), 10, norm="instance", average_pool=True), 224, None),
    ],
)
def test_real_networks_are_counted_without_computing(network: nn.Module, side: int, millions: float | None) -> None:
    cost = network_cost(network, (3, side, side), lambda module: module.embed)
    assert len(cost.layers) == sum(isinstance(module, nn.Conv2d) for module in network.modules())
    if millions is not None:
        assert cost.forward.flops / 1e6 == pytest.approx(millions)


def test_costs_add_and_multiply() -> None:
    assert 3 * Cost(1, 2) + Cost(1, 1) == Cost(4, 7)
