"""ConvNet, the plain network of dataset condensation since DC (Zhao et al., ICLR 2021); ConvNet-3 by default."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from dcbench.toolbox.networks.layers import Conv2d, Norm, norm_layer
from dcbench.toolbox.recipes import padded_side

if TYPE_CHECKING:
    from torch import Tensor


class ConvNet(nn.Module):
    """`depth` blocks of 3x3 convolution, norm, ReLU and 2x2 average pooling, then one linear layer.

    Weights have torch's default initialisation, drawn from its global generator.

    Args:
        shape: (C, H, W) of the images, square.
        classes: number of logits.
        depth: number of blocks, each of which halves the side.
        width: channels of every convolution.
        norm: instance norm as published, batch norm (ConvNetBN), or none.

    Raises:
        ValueError: the images are too small for *depth* halvings.
    """

    def __init__(
        self, shape: tuple[int, int, int], classes: int, *, depth: int = 3, width: int = 128, norm: Norm = "instance"
    ) -> None:
        super().__init__()
        side = padded_side(shape)
        left = side >> depth
        if left == 0:
            raise ValueError(f"{side} px cannot be halved {depth} times")
        first_padding = 1 + (side - shape[-1]) // 2
        layers: list[nn.Module] = []
        for block in range(depth):
            channels, padding = (width, 1) if block else (shape[0], first_padding)
            layers += [
                Conv2d(channels, width, 3, padding=padding),
                norm_layer(norm, width),
                nn.ReLU(),
                nn.AvgPool2d(2),
            ]
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(width * left * left, classes)

    def embed(self, images: Tensor) -> Tensor:
        """Return the flattened last block (N, D) of *images* (N, C, H, W); D is 2048 for ConvNet-3 at 32 px."""
        features: Tensor = self.features(images)
        return features.flatten(1)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, classes) of normalised *images* (N, C, H, W)."""
        logits: Tensor = self.classifier(self.embed(images))
        return logits
