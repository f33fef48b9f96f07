"""The small DenseNet-BC that condensation papers list as DenseNet-121: the depth of that network, growth 12, for 32 px.

Huang et al., CVPR 2017; the shape is that of ``densenet_cifar`` in the IDC code. torchvision's DenseNet-121 is another
network, with growth 32 and an ImageNet stem.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from dcbench.toolbox.networks.layers import Conv2d

if TYPE_CHECKING:
    from torch import Tensor


class Bottleneck(nn.Module):
    """One dense layer: 1x1 to four times the growth, then 3x3 to the growth, concatenated in front of the input.

    Args:
        channels: feature maps of the input.
        growth: feature maps added.
    """

    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_norm_relu(channels),
            Conv2d(channels, 4 * growth, 1, bias=False),
            *_norm_relu(4 * growth),
            Conv2d(4 * growth, growth, 3, padding=1, bias=False),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, growth + channels, H, W) for (N, channels, H, W)."""
        return torch.cat([self.body(images), images], 1)


class DenseNet(nn.Module):
    """Dense blocks of bottlenecks with batch norm; a halving transition between blocks; global average pooling.

    At 32 px the global pooling is the published 4x4 pooling, and it works at other sizes too. Weights have torch's
    default initialisation.

    Args:
        shape: (C, H, W) of the images, square.
        classes: number of logits.
        blocks: dense layers of each block.
        growth: feature maps that each dense layer adds; the stem has twice as many.
    """

    def __init__(
        self, shape: tuple[int, int, int], classes: int, *, blocks: tuple[int, ...] = (6, 12, 24, 16), growth: int = 12
    ) -> None:
        super().__init__()
        channels = 2 * growth
        layers: list[nn.Module] = [Conv2d(shape[0], channels, 3, padding=1, bias=False)]
        for block, depth in enumerate(blocks):
            if block:
                layers += _transition(channels)
                channels //= 2
            layers += [Bottleneck(channels + layer * growth, growth) for layer in range(depth)]
            channels += depth * growth
        self.features = nn.Sequential(*layers, *_norm_relu(channels))
        self.classifier = nn.Linear(channels, classes)

    def embed(self, images: Tensor) -> Tensor:
        """Return the globally averaged last block (N, D) of *images* (N, C, H, W); D is 384 as published."""
        features: Tensor = self.features(images)
        return features.mean((2, 3))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, classes) of normalised *images* (N, C, H, W)."""
        logits: Tensor = self.classifier(self.embed(images))
        return logits


def _norm_relu(channels: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels), nn.ReLU()]


def _transition(channels: int) -> list[nn.Module]:
    return [*_norm_relu(channels), Conv2d(channels, channels // 2, 1, bias=False), nn.AvgPool2d(2)]
