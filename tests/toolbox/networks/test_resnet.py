from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from dcbench.toolbox.networks import ResNet


def literal_norm(images: Tensor, norm: str) -> Tensor:
    axes = (2, 3) if norm == "instance" else (0, 2, 3)
    centred = images - images.mean(axes, keepdim=True)
    return centred / (centred.square().mean(axes, keepdim=True) + 1e-5).sqrt()


def literal_resnet(network: ResNet, images: Tensor, norm: str, *, average_pool: bool) -> Tensor:
    """The embedding, written out for a fresh network (scales 1, shifts 0), convolutions taken in order."""
    stem, *rest = [module.weight for module in network.modules() if isinstance(module, nn.Conv2d)]
    side = images.shape[-1]
    images = functional.conv2d(
        images, stem, stride=2 if side > 128 and not average_pool else 1, padding=stem.shape[-1] // 2
    )
    images = literal_norm(images, norm).relu()
    if side > 64 and average_pool:
        images = functional.avg_pool2d(images, 4 if side > 128 else 2)
    elif side > 64:
        images = functional.max_pool2d(images, 3, 2, 1)
    for stage in range(4):
        first, second, *shortcut = rest[:2] if stage == 0 else rest[2 + 3 * (stage - 1) : 5 + 3 * (stage - 1)]
        stride = 1 if stage == 0 else 2
        if average_pool:
            body = literal_norm(functional.conv2d(images, first, padding=1), norm).relu()
            body = functional.avg_pool2d(body, stride)
            beside = [functional.avg_pool2d(functional.conv2d(images, weight), stride) for weight in shortcut]
        else:
            body = literal_norm(functional.conv2d(images, first, stride=stride, padding=1), norm).relu()
            beside = [functional.conv2d(images, weight, stride=stride) for weight in shortcut]
        body = literal_norm(functional.conv2d(body, second, padding=1), norm)
        images = (body + (literal_norm(beside[0], norm) if beside else images)).relu()
    return images.mean((2, 3))


@pytest.mark.parametrize("norm", ["instance", "batch"])
@pytest.mark.parametrize("average_pool", [False, True])
@pytest.mark.parametrize("side", [28, 32, 72, 136])
def test_embed_is_the_network_written_out(side: int, average_pool: bool, norm: str) -> None:
    torch.manual_seed(0)
    network = ResNet((3, side, side), 4, width=2, norm=norm, average_pool=average_pool).double()  # type: ignore[arg-type]
    images = torch.randn(2, 3, side, side, dtype=torch.float64)
    expected = literal_resnet(network, images, norm, average_pool=average_pool)
    torch.testing.assert_close(network.embed(images), expected)


@pytest.mark.parametrize("average_pool", [False, True])
@pytest.mark.parametrize(
    ("shape", "width", "count"),
    [
        # stem 1,856; stages 73,984, 230,144, 919,040 and 3,673,088; linear 5,130
        ((3, 32, 32), 64, 4_903_242),
        # a stem of 64*1*9 weights instead of 64*3*9
        ((1, 28, 28), 64, 4_902_090),
        # a stem of 64*3*49 weights
        ((3, 224, 224), 64, 4_910_922),
        # stem 928; stages 18,560, 57,728, 230,144 and 919,040; linear 2,570
        ((3, 32, 32), 32, 1_228_970),
    ],
)
def test_the_published_shapes_have_the_computed_number_of_parameters(
    shape: tuple[int, int, int], width: int, count: int, average_pool: bool
) -> None:
    network = ResNet(shape, 10, width=width, average_pool=average_pool)
    assert sum(parameter.numel() for parameter in network.parameters()) == count


def test_convolutions_start_he_normal_by_fan_out() -> None:
    torch.manual_seed(0)
    stage = ResNet((3, 32, 32), 10).stages[2]
    first = next(module for module in stage.modules() if isinstance(module, nn.Conv2d))
    assert first.weight.shape == (256, 128, 3, 3)
    assert first.weight.std().item() == pytest.approx((2 / (9 * 256)) ** 0.5, rel=0.01)
    assert first.bias is None
