from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from dcbench.toolbox.networks import ConvNet


def literal_convnet(network: ConvNet, images: Tensor, padding: int, norm: str) -> Tensor:
    """The embedding, written out with the weights of *network* in the order of the blocks."""
    weights = [value for name, value in network.named_parameters() if name.startswith("features")]
    per_block = 2 if norm == "none" else 4
    for block in range(len(weights) // per_block):
        weight, bias, *affine = weights[block * per_block : (block + 1) * per_block]
        images = functional.conv2d(images, weight, bias, padding=padding if block == 0 else 1)
        if norm != "none":
            axes = (2, 3) if norm == "instance" else (0, 2, 3)
            centred = images - images.mean(axes, keepdim=True)
            spread = (centred.square().mean(axes, keepdim=True) + 1e-5).sqrt()
            images = centred / spread * affine[0].view(-1, 1, 1) + affine[1].view(-1, 1, 1)
        images = images * (images > 0)
        half = images.shape[-1] // 2
        images = images[..., : 2 * half, : 2 * half].unfold(2, 2, 2).unfold(3, 2, 2).mean((4, 5))
    return images.flatten(1)


@pytest.mark.parametrize(
    ("shape", "count"),
    [
        ((3, 32, 32), 320_010),  # (3*9 + 3)*128 + 2*(128*9 + 3)*128 + 2048*10 + 10
        ((1, 28, 28), 317_706),  # two input channels less: 2*9*128 = 2,304 fewer
        ((3, 64, 64), 381_450),  # the last block is 8 x 8: 3*2048*10 = 61,440 more
    ],
)
def test_the_published_network_has_the_published_number_of_parameters(shape: tuple[int, int, int], count: int) -> None:
    assert sum(parameter.numel() for parameter in ConvNet(shape, 10).parameters()) == count


@pytest.mark.parametrize("norm", ["instance", "batch", "none"])
@pytest.mark.parametrize(("shape", "padding"), [((3, 12, 12), 1), ((1, 28, 28), 3), ((1, 8, 8), 1), ((3, 28, 28), 1)])
def test_embed_is_the_network_written_out(shape: tuple[int, int, int], padding: int, norm: str) -> None:
    torch.manual_seed(0)
    network = ConvNet(shape, 4, width=5, norm=norm).double()  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    images = torch.randn(3, *shape, dtype=torch.float64)
    torch.testing.assert_close(network.embed(images), literal_convnet(network, images, padding, norm))


@pytest.mark.parametrize(
    ("shape", "features"),
    [((3, 32, 32), 2048), ((1, 28, 28), 2048), ((3, 28, 28), 1152), ((1, 32, 32), 2048), ((1, 8, 8), 128)],
)
def test_only_mnist_shapes_are_padded_to_32(shape: tuple[int, int, int], features: int) -> None:
    assert ConvNet(shape, 10).embed(torch.randn(1, *shape)).shape == (1, features)


def test_too_many_blocks_are_refused() -> None:
    with pytest.raises(ValueError, match="8 px cannot be halved 4 times"):
        ConvNet((3, 8, 8), 2, depth=4)
