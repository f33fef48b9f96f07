"""The augmentation of IDC's ImageNet subsets, image by image; crop and flip by the functions of torchvision."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torchvision.transforms.v2 import functional as vision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

EIGENVALUES = (0.2175, 0.0188, 0.0045)
EIGENVECTORS = ((-0.5675, 0.7192, 0.4009), (-0.5808, -0.0045, -0.8140), (-0.5836, -0.6948, 0.4203))


def augment(pixels: Tensor, row: Sequence[float]) -> Tensor:
    """Return (3, H, W) pixels under one row of 14 numbers, in the order in which they are drawn."""
    top, left, height, width, flipped, brightness, contrast, saturation, *rest = row
    size = list(pixels.shape[-2:])
    pixels = vision.resized_crop(pixels, int(top), int(left), int(height), int(width), size, antialias=False)
    if flipped:
        pixels = vision.horizontal_flip(pixels)
    # As mixtures of the image with another one: the share of the image is the factor.
    steps = (
        lambda image: brightness * image,
        lambda image: contrast * image + (1 - contrast) * grey(image).mean(),
        lambda image: saturation * image + (1 - saturation) * grey(image),
    )
    for which in rest[:3]:
        pixels = steps[int(which)](pixels)
    light = [
        sum(weight * value * move for weight, value, move in zip(vector, EIGENVALUES, rest[3:], strict=True))
        for vector in EIGENVECTORS
    ]
    return pixels + torch.tensor(light, dtype=pixels.dtype).view(-1, 1, 1)


def grey(image: Tensor) -> Tensor:
    """Return (H, W): how bright each pixel of a colour image (3, H, W) is."""
    red, green, blue = image
    return 0.299 * red + 0.587 * green + 0.114 * blue
