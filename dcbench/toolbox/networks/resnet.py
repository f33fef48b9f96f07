"""ResNet-10 and ResNetAP-10 as condensation papers use them (IDC, Kim et al., ICML 2022), stem and all.

Not torchvision's networks: those have two blocks per stage or more, batch norm only, and one stem for every image size.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from torch import nn
from torch.nn import functional

from dcbench.toolbox.networks.layers import HeConv2d, Norm, norm_layer

if TYPE_CHECKING:
    from torch import Tensor


class Block(nn.Module):
    """A residual block: the sum of two 3x3 convolutions and a shortcut.

    Args:
        channels: (in, out).
        stride: 1, or 2 to halve the side.
        norm: normalisation after each convolution.
        average_pool: halve by average pooling, after the first ReLU and after the convolution of the shortcut, instead
            of by strided convolutions.
    """

    def __init__(self, channels: tuple[int, int], stride: int, norm: Norm, *, average_pool: bool) -> None:
        super().__init__()
        before, width = channels
        step, pool = (1, stride) if average_pool else (stride, 1)
        self.body = nn.Sequential(
            HeConv2d(before, width, 3, step),
            norm_layer(norm, width),
            nn.ReLU(),
            _average(pool),
            HeConv2d(width, width, 3),
            norm_layer(norm, width),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or before != width:
            self.shortcut = nn.Sequential(HeConv2d(before, width, 1, step), _average(pool), norm_layer(norm, width))

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, out, H / stride, W / stride) for (N, in, H, W)."""
        return functional.relu(self.body(images) + self.shortcut(images))


class ResNet(nn.Module):
    """Four stages of one residual block each, global average pooling, one linear layer: ten layers with weights.

    The stem depends on the side of the images: a 3x3 convolution up to 64 px; the same and a halving up to 128 px;
    above that a 7x7 convolution and a reduction to a quarter. Convolutions have no bias and are He-normal by fan-out at
    the start; norms have scale 1 and shift 0; the linear layer has torch's default initialisation.

    Args:
        shape: (C, H, W) of the images, square.
        classes: number of logits.
        width: channels of the first stage, doubled at each further one; usually 64, and 32 in the IDC code for datasets
            named cifar.
        norm: normalisation after each convolution.
        average_pool: ResNetAP, which halves by average pooling everywhere; otherwise by strided convolutions, and by
            max pooling in the stem.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        classes: int,
        *,
        width: int = 64,
        norm: Norm = "batch",
        average_pool: bool = False,
    ) -> None:
        super().__init__()
        self.stem = _stem(shape, width, norm, average_pool=average_pool)
        widths = [width, width, 2 * width, 4 * width, 8 * width]
        self.stages = nn.Sequential(
            *[
                Block(channels, 1 if stage == 0 else 2, norm, average_pool=average_pool)
                for stage, channels in enumerate(pairwise(widths))
            ]
        )
        self.classifier = nn.Linear(8 * width, classes)

    def embed(self, images: Tensor) -> Tensor:
        """Return the globally averaged last stage (N, 8 * width) of *images* (N, C, H, W)."""
        features: Tensor = self.stages(self.stem(images))
        return features.mean((2, 3))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, classes) of normalised *images* (N, C, H, W)."""
        logits: Tensor = self.classifier(self.embed(images))
        return logits


def _average(side: int) -> nn.Module:
    return nn.AvgPool2d(side) if side > 1 else nn.Identity()


def _stem(shape: tuple[int, int, int], width: int, norm: Norm, *, average_pool: bool) -> nn.Sequential:
    channels, _, side = shape
    large = side > 128
    step = 2 if large and not average_pool else 1
    layers = [HeConv2d(channels, width, 7 if large else 3, step), norm_layer(norm, width), nn.ReLU()]
    if side > 64:
        layers.append(nn.AvgPool2d(4 if large else 2) if average_pool else nn.MaxPool2d(3, stride=2, padding=1))
    return nn.Sequential(*layers)
