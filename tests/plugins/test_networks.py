from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dcbench import Network, NetworkRecord, RequestError
from dcbench_plugins.networks import ConvNet, DenseNet121, ResNet10, ResNetAP10, dcbench_networks

RECORDS = {record.name: record for record in dcbench_networks()}
RESNETS = ["resnetap10", "resnet10", "resnet10-cifar"]


def resolved(record: NetworkRecord, **changes: Any) -> tuple[Network, Any]:
    module, _, name = record.target.partition(":")
    network = getattr(import_module(module), name)()
    return network, network.Settings().changed({**record.preset, **changes})


def count(name: str, shape: tuple[int, int, int]) -> int:
    network, settings = resolved(RECORDS[name])
    network.validate(shape, settings)
    return sum(parameter.numel() for parameter in network.build(shape, 10, settings).parameters())


def test_neither_import_nor_planning_needs_torch() -> None:
    code = (
        "import sys; from dcbench_plugins.networks import ConvNet, ResNet10, dcbench_networks; dcbench_networks();"
        "ConvNet().validate((1, 8, 8), ConvNet.Settings()); ResNet10().validate((3, 32, 32), ResNet10.Settings());"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_names() -> None:
    convnets = ["convnet", "convnet3", "convnet4", "convnet5", "convnet6"]
    assert [record.name for record in dcbench_networks()] == [*convnets, "convnet-tiny", *RESNETS, "densenet121"]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("convnet", 320_010),
        ("convnet3", 320_010),
        ("convnet4", 452_490),  # 147,840 more for the block, 3*512*10 fewer in the linear layer
        ("convnet5", 596_490),  # 147,840 more, 3*128*10 fewer
        ("resnetap10", 4_903_242),
        ("resnet10", 4_903_242),
        ("resnet10-cifar", 1_228_970),
        ("densenet121", 1_000_618),
    ],
)
def test_a_name_stands_for_its_published_shape(name: str, parameters: int) -> None:
    assert count(name, (3, 32, 32)) == parameters


def test_convnet6_fits_imagenet() -> None:
    assert count("convnet6", (3, 224, 224)) == 754_570  # 3,840 + 5*147,840 + 128*9*10 + 10


@pytest.mark.parametrize(
    ("name", "norm"),
    [("convnet3", "instance"), ("resnetap10", "instance"), ("resnet10", "batch"), ("resnet10-cifar", "batch")],
)
def test_default_norms_are_the_published_ones(name: str, norm: str) -> None:
    network, settings = resolved(RECORDS[name])
    assert settings.norm == norm
    kinds = {
        type(module).__name__ for module in network.build((3, 32, 32), 2, settings.changed({"width": 4})).modules()
    }
    assert {"InstanceNorm", "BatchNorm2d"} & kinds == {"InstanceNorm" if norm == "instance" else "BatchNorm2d"}


def test_only_resnetap_halves_by_average_pooling() -> None:
    strides = {}
    for name in RESNETS:
        network, settings = resolved(RECORDS[name], width=4)
        modules = list(network.build((3, 224, 224), 2, settings).modules())
        strides[name] = sum(isinstance(module, torch.nn.Conv2d) and module.stride == (2, 2) for module in modules)
    assert strides == {"resnetap10": 0, "resnet10": 7, "resnet10-cifar": 7}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("name", "side"),
    [(name, side) for name in RESNETS for side in (28, 32, 64, 224)] + [("densenet121", 28), ("densenet121", 32)],
)
def test_networks_take_the_sizes_of_the_datasets(name: str, side: int, channels: int) -> None:
    shape = (channels, side, side)
    network, settings = resolved(RECORDS[name], **({"width": 4} if name in RESNETS else {}))
    network.validate(shape, settings)
    module = network.build(shape, 7, settings)
    assert module.training
    assert module(torch.randn(1, *shape)).shape == (1, 7)


@given(side=st.integers(2, 40), channels=st.sampled_from([1, 3]), depth=st.integers(1, 7))
def test_convnet_is_refused_exactly_where_it_cannot_work(side: int, channels: int, depth: int) -> None:
    shape = (channels, side, side)
    settings = ConvNet.Settings(depth=depth, width=2)
    try:
        ConvNet().validate(shape, settings)
    except RequestError as refusal:
        largest = int(str(refusal).rsplit(maxsplit=1)[-1])
        assert 0 < largest < depth
        ConvNet().validate(shape, settings.changed({"depth": largest}))
        ConvNet().build(shape, 2, settings.changed({"depth": largest}))
        with pytest.raises(ValueError, match="cannot be halved"):
            ConvNet().build(shape, 2, settings)
        return
    assert ConvNet().build(shape, 2, settings)(torch.randn(1, *shape)).shape == (1, 2)


def test_digits_fit_the_default_convnet_and_a_refusal_says_what_would_fit() -> None:
    ConvNet().validate((1, 8, 8), ConvNet.Settings())
    with pytest.raises(
        RequestError, match=r"depth 4 is too deep for images of 8 px.* the largest depth that fits is 3"
    ):
        ConvNet().validate((1, 8, 8), ConvNet.Settings(depth=4))
    with pytest.raises(RequestError, match=r"too deep for images of 28 px.* is 5"):
        ConvNet().validate((1, 28, 28), ConvNet.Settings(depth=6))


@pytest.mark.parametrize(("network", "smallest"), [(ResNet10(), 9), (ResNetAP10(), 16), (DenseNet121(), 16)])
def test_too_small_images_are_refused_with_the_smallest_side(network: Network, smallest: int) -> None:
    network.validate((3, smallest, smallest), network.Settings())
    with pytest.raises(RequestError, match=f"images of {smallest} px or more, not {smallest - 1} px"):
        network.validate((3, smallest - 1, smallest - 1), network.Settings())


@pytest.mark.parametrize(("network", "smallest"), [(ResNet10(), 9), (ResNetAP10(), 16)])
def test_below_the_smallest_side_instance_norm_sees_nothing(network: Any, smallest: int) -> None:
    settings = network.Settings(width=4, norm="instance")
    for side, sees in ((smallest, True), (smallest - 1, False)):
        features = network.build((3, side, side), 2, settings).embed(torch.randn(4, 3, side, side))
        assert bool(features.abs().max() > 1e-3) == sees  # rounding, divided by the norm's epsilon, is left


@pytest.mark.parametrize("side", [16, 15])
def test_below_the_smallest_side_densenet_fails_on_a_single_image(side: int) -> None:
    module = DenseNet121().build((3, side, side), 2, DenseNet121.Settings())
    images = torch.randn(1, 3, side, side)
    if side >= DenseNet121.smallest:
        assert module(images).shape == (1, 2)
        return
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        module(images)


@pytest.mark.parametrize("network", [ConvNet(), ResNet10(), DenseNet121()])
def test_images_must_be_square(network: Network) -> None:
    with pytest.raises(RequestError, match="square images, not 32 x 24 px"):
        network.validate((3, 32, 24), network.Settings())
