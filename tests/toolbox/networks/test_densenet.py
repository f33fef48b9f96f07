from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from dcbench.toolbox.networks import DenseNet


def literal_densenet(network: DenseNet, images: Tensor, blocks: tuple[int, ...], pool: int) -> Tensor:
    """The embedding in train mode, written out for a fresh network (scales 1, shifts 0), convolutions in order."""
    weights = iter([module.weight for module in network.modules() if isinstance(module, nn.Conv2d)])

    def norm_relu(x: Tensor) -> Tensor:
        centred = x - x.mean((0, 2, 3), keepdim=True)
        return (centred / (centred.square().mean((0, 2, 3), keepdim=True) + 1e-5).sqrt()).relu()

    images = functional.conv2d(images, next(weights), padding=1)
    for block, depth in enumerate(blocks):
        if block:
            images = functional.avg_pool2d(functional.conv2d(norm_relu(images), next(weights)), 2)
        for _ in range(depth):
            new = functional.conv2d(norm_relu(images), next(weights))
            new = functional.conv2d(norm_relu(new), next(weights), padding=1)
            images = torch.cat([new, images], 1)
    return functional.avg_pool2d(norm_relu(images), pool).flatten(1)


@pytest.mark.parametrize(("side", "pool"), [(32, 4), (28, 3)])
def test_embed_is_the_network_written_out(side: int, pool: int) -> None:
    torch.manual_seed(0)
    blocks = (1, 2, 3, 2)
    network = DenseNet((3, side, side), 4, blocks=blocks, growth=4).double()
    images = torch.randn(2, 3, side, side, dtype=torch.float64)
    torch.testing.assert_close(network.embed(images), literal_densenet(network, images, blocks, pool))


@pytest.mark.parametrize(
    ("channels", "count"),
    [
        # stem 648; blocks 47,880, 131,760, 407,520 and 310,080 (50c + 5,280 for each layer that takes c channels);
        # transitions 4,800, 18,816 and 74,496; last norm 768; linear 3,850
        (3, 1_000_618),
        (1, 1_000_186),  # a stem of 24*9 weights instead of 24*27
    ],
)
def test_the_published_shape_has_the_computed_number_of_parameters(channels: int, count: int) -> None:
    network = DenseNet((channels, 32, 32), 10)
    assert sum(parameter.numel() for parameter in network.parameters()) == count
    weighted = [m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    assert len(weighted) == 121


def test_embedding_has_384_features() -> None:
    assert DenseNet((1, 28, 28), 10).embed(torch.randn(1, 1, 28, 28)).shape == (1, 384)
