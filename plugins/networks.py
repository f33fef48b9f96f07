"""The built-in networks. Free of torch until one is built."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

import dcbench
from dcbench.api.settings import S
from dcbench.toolbox.recipes import padded_side

if TYPE_CHECKING:
    from torch import nn

Shape = tuple[int, int, int]


class ConvNetSettings(dcbench.Settings):
    """The shape of the network; the defaults are ConvNet-3 as published."""

    depth: int = Field(3, ge=1, description="blocks, each of which halves the side")
    width: int = Field(128, ge=1, description="channels of every convolution")
    norm: Literal["instance", "batch", "none"] = Field("instance", description="normalisation after each convolution")


class ConvNet(dcbench.Network[ConvNetSettings]):
    """ConvNet: blocks of 3x3 convolution, norm, ReLU and average pooling (Zhao et al., ICLR 2021)."""

    Settings = ConvNetSettings

    def validate(self, shape: Shape, settings: ConvNetSettings) -> None:
        """Refuse images that *settings.depth* halvings would leave without a pixel.

        Raises:
            RequestError: with the largest depth that fits.
        """
        _side("ConvNet", shape, smallest=2)
        largest = padded_side(shape).bit_length() - 1
        if settings.depth > largest:
            raise dcbench.RequestError(
                f"ConvNet: depth {settings.depth} is too deep for images of {shape[-1]} px, "
                f"since every block halves the side; the largest depth that fits is {largest}"
            )

    def build(self, shape: Shape, classes: int, settings: ConvNetSettings) -> nn.Module:
        """Return a `dcbench.toolbox.networks.ConvNet`."""
        from dcbench.toolbox.networks.convnet import ConvNet as Module

        return Module(shape, classes, depth=settings.depth, width=settings.width, norm=settings.norm)


class _Pooled(dcbench.Network[S]):
    """A network that averages its last feature maps, and needs them larger than one pixel."""

    label: ClassVar[str]
    smallest: ClassVar[int]

    def validate(self, shape: Shape, settings: S) -> None:  # noqa: ARG002  (the contract's signature)
        """Refuse images whose last feature maps would be a single pixel.

        Raises:
            RequestError: with the smallest side that fits.
        """
        _side(self.label, shape, self.smallest)


class ResNet10Settings(dcbench.Settings):
    """The shape of the network. Cross-architecture results are published with batch norm."""

    width: int = Field(64, ge=1, description="channels of the first stage, doubled at each of the three others")
    norm: Literal["instance", "batch"] = Field("batch", description="normalisation after each convolution")


class ResNet10(_Pooled[ResNet10Settings]):
    """ResNet-10 with strided convolutions (as in the code of Kim et al., ICML 2022)."""

    label: ClassVar[str] = "ResNet-10"
    smallest: ClassVar[int] = 9
    """Smallest side in px: below it the last stage is one pixel, and instance norm makes that zero for every image."""

    Settings = ResNet10Settings

    def build(self, shape: Shape, classes: int, settings: ResNet10Settings) -> nn.Module:
        """Return a `dcbench.toolbox.networks.ResNet`."""
        from dcbench.toolbox.networks.resnet import ResNet

        return ResNet(shape, classes, width=settings.width, norm=settings.norm)


class ResNetAP10Settings(ResNet10Settings):
    """The shape of the network as published, with instance norm."""

    norm: Literal["instance", "batch"] = Field("instance", description="normalisation after each convolution")


class ResNetAP10(ResNet10):
    """ResNetAP-10: ResNet-10 that halves by average pooling (Kim et al., ICML 2022)."""

    label: ClassVar[str] = "ResNetAP-10"
    smallest: ClassVar[int] = 16
    """As for ResNet-10; average pooling drops an odd last row and column where a strided convolution keeps them."""

    Settings = ResNetAP10Settings

    def build(self, shape: Shape, classes: int, settings: ResNet10Settings) -> nn.Module:
        """Return a `dcbench.toolbox.networks.ResNet` with average pooling."""
        from dcbench.toolbox.networks.resnet import ResNet

        return ResNet(shape, classes, width=settings.width, norm=settings.norm, average_pool=True)


class DenseNet121Settings(dcbench.Settings):
    """The width of the network."""

    growth: int = Field(12, ge=1, description="feature maps that each dense layer adds; the stem has twice as many")


class DenseNet121(_Pooled[DenseNet121Settings]):
    """DenseNet-BC with 121 layers and growth 12 (``densenet_cifar``), the DenseNet-121 of condensation papers."""

    label: ClassVar[str] = "DenseNet-121"
    smallest: ClassVar[int] = 16
    """Smallest side in px: below it the last block is one pixel, and batch norm refuses a batch of one such image."""

    Settings = DenseNet121Settings

    def build(self, shape: Shape, classes: int, settings: DenseNet121Settings) -> nn.Module:
        """Return a `dcbench.toolbox.networks.DenseNet`."""
        from dcbench.toolbox.networks.densenet import DenseNet

        return DenseNet(shape, classes, growth=settings.growth)


@dcbench.hookimpl
def dcbench_networks() -> list[dcbench.NetworkRecord]:
    """Return the built-in networks."""
    return [
        _record("convnet", "3x3 convolution blocks, depth and width to choose (3 and 128)", "ConvNet"),
        *[_record(f"convnet{depth}", f"ConvNet with {depth} blocks", "ConvNet", depth=depth) for depth in range(3, 7)],
        _record(
            "convnet-tiny", "ConvNet with 2 blocks of 32 channels, for less than 16 px", "ConvNet", depth=2, width=32
        ),
        _record(
            "resnetap10", "ResNetAP-10: 64 to 512 channels, average pooling for strides, instance norm", "ResNetAP10"
        ),
        _record("resnet10", "ResNet-10: 64 to 512 channels, batch norm", "ResNet10"),
        _record(
            "resnet10-cifar",
            "ResNet-10 as IDC shapes it for CIFAR: 32 to 256 channels, batch norm",
            "ResNet10",
            width=32,
        ),
        _record("densenet121", "DenseNet-BC of 121 layers with growth 12, batch norm", "DenseNet121"),
    ]


def _record(name: str, summary: str, target: str, **preset: int) -> dcbench.NetworkRecord:
    return dcbench.NetworkRecord(name=name, summary=summary, target=f"dcbench_plugins.networks:{target}", preset=preset)


def _side(label: str, shape: Shape, smallest: int) -> int:
    _, height, width = shape
    if height != width:
        raise dcbench.RequestError(f"{label} takes square images, not {height} x {width} px")
    if width < smallest:
        raise dcbench.RequestError(f"{label} takes images of {smallest} px or more, not {width} px")
    return width
