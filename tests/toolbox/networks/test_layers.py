"""What holds for every network, and for drawing its weights anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from dcbench.toolbox.networks import ConvNet, DenseNet, ResNet, norm_layer, reset_parameters

if TYPE_CHECKING:
    from collections.abc import Callable

SHAPE = (3, 32, 32)
BUILD: dict[str, Callable[[], nn.Module]] = {
    "convnet": lambda: ConvNet(SHAPE, 5, width=6),
    "convnet-batch": lambda: ConvNet(SHAPE, 5, width=6, norm="batch"),
    "convnet-none": lambda: ConvNet(SHAPE, 5, width=6, norm="none"),
    "resnet-batch": lambda: ResNet(SHAPE, 5, width=4),
    "resnet-instance": lambda: ResNet(SHAPE, 5, width=4, norm="instance"),
    "resnetap": lambda: ResNet(SHAPE, 5, width=4, norm="instance", average_pool=True),
    "densenet": lambda: DenseNet(SHAPE, 5, blocks=(1, 2, 2, 1), growth=4),
}
PER_SAMPLE = ["convnet", "convnet-none", "resnet-instance", "resnetap"]
every_network = pytest.mark.parametrize("name", BUILD)


def built(name: str, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return BUILD[name]()


def same_bits(first: nn.Module, second: nn.Module) -> bool:
    left, right = first.state_dict(), second.state_dict()
    return list(left) == list(right) and all(torch.equal(left[key], right[key]) for key in left)


@every_network
def test_a_seed_decides_the_weights(name: str) -> None:
    assert same_bits(built(name, 3), built(name, 3))
    assert not same_bits(built(name, 3), built(name, 4))


@every_network
def test_reset_gives_what_building_anew_gives_in_the_same_storage(name: str) -> None:
    network = built(name, 1)
    network(torch.randn(4, *SHAPE))  # moves the running statistics
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1)
    where = [parameter.data_ptr() for parameter in network.parameters()]
    torch.manual_seed(3)
    reset_parameters(network)
    assert same_bits(network, built(name, 3))
    assert [parameter.data_ptr() for parameter in network.parameters()] == where


@every_network
def test_logits_are_the_linear_layer_of_the_embedding(name: str) -> None:
    network = built(name)
    images = torch.randn(4, *SHAPE)
    features = network.embed(images)
    assert features.shape == (4, network.classifier.in_features)
    assert torch.equal(network(images), network.classifier(features))
    assert network(images).shape == (4, 5)


@every_network
def test_channels_last_and_float64_change_nothing_but_rounding(name: str) -> None:
    network = built(name).double()
    images = torch.randn(4, *SHAPE, dtype=torch.float64)
    plain = network(images)
    assert plain.dtype == torch.float64
    last = network.to(memory_format=torch.channels_last)(images.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(last, plain)
    torch.testing.assert_close(built(name)(images.float()), plain.float(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", BUILD)
def test_images_are_independent_of_each_other_exactly_without_batch_norm(name: str) -> None:
    network = built(name).double()
    images = torch.randn(6, *SHAPE, dtype=torch.float64)
    images[3:] *= 3  # so that statistics of the batch would show
    together = network.embed(images)
    apart = torch.cat([network.embed(images[:3]), network.embed(images[3:])])
    assert torch.allclose(together, apart, rtol=1e-10, atol=1e-12) == (name in PER_SAMPLE)


@every_network
def test_the_images_get_a_gradient(name: str) -> None:
    network = built(name)
    images = torch.randn(4, *SHAPE, requires_grad=True)
    network.embed(images).square().sum().backward()
    assert images.grad is not None
    assert bool((images.grad.abs().amax((1, 2, 3)) > 0).all())


def test_norms_by_name() -> None:
    instance = norm_layer("instance", 6)
    assert isinstance(instance, nn.GroupNorm)
    assert (instance.num_groups, instance.num_channels, instance.affine) == (6, 6, True)
    assert isinstance(norm_layer("batch", 6), nn.BatchNorm2d)
    assert isinstance(norm_layer("none", 6), nn.Identity)


@every_network
def test_half_precision_is_for_convolutions_and_not_for_features(name: str) -> None:
    images = torch.rand(2, *SHAPE, generator=torch.Generator().manual_seed(0))
    network = built(name).eval()
    with torch.autocast("cpu", torch.bfloat16):
        rough = network.embed(images)
    assert rough.dtype == torch.float32
    exact = network.embed(images)
    assert 0 < (rough - exact).norm() < 0.05 * exact.norm()
