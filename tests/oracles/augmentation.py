"""Differentiable siamese augmentation and CutMix, one image and one pixel at a time.

An image is a (C, H, W) float64 tensor, parameters are plain numbers. `parameters` turns the twelve uniform numbers of
an image into what the operations need; their order is that of `dcbench.toolbox.augment.Augmentation.draw`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

ORDER = ("flip", "color", "crop", "cutout", "scale", "rotate")


@dataclass
class Parameters:
    flipped: bool
    brightness: float
    saturation: float
    contrast: float
    down: int
    right: int
    centre_row: int
    centre_column: int
    scale_x: float
    scale_y: float
    angle: float


def parameters(u: list[float], size: int) -> Parameters:
    reach = int(size * 0.125 + 0.5)
    side = int(size * 0.5 + 0.5)
    centres = size + 1 if side % 2 == 0 else size
    shortest = 1 / 1.2
    return Parameters(
        flipped=u[1] < 0.5,
        brightness=(u[2] - 0.5) * 1.0,
        saturation=u[3] * 2.0,
        contrast=u[4] + 0.5,
        down=math.floor(u[5] * (2 * reach + 1)) - reach,
        right=math.floor(u[6] * (2 * reach + 1)) - reach,
        centre_row=math.floor(u[7] * centres),
        centre_column=math.floor(u[8] * centres),
        scale_x=shortest + u[9] * (1.2 - shortest),
        scale_y=shortest + u[10] * (1.2 - shortest),
        angle=math.radians((u[11] * 2 - 1) * 15),
    )


def flip(image: Tensor, flipped: bool) -> Tensor:
    if not flipped:
        return image
    result = torch.zeros_like(image)
    width = image.shape[2]
    for column in range(width):
        result[:, :, column] = image[:, :, width - 1 - column]
    return result


def color(image: Tensor, brightness: float, saturation: float, contrast: float) -> Tensor:
    image = image + brightness
    grey = torch.zeros_like(image[0])
    for channel in image:
        grey = grey + channel / len(image)
    image = torch.stack([(channel - grey) * saturation + grey for channel in image])
    mean = image.sum() / image.numel()
    return (image - mean) * contrast + mean


def crop(image: Tensor, down: int, right: int) -> Tensor:
    """`down` and `right` say where the window lies; what it shows outside of the image is zero."""
    result = torch.zeros_like(image)
    _, height, width = image.shape
    for row in range(height):
        for column in range(width):
            if 0 <= row + down < height and 0 <= column + right < width:
                result[:, row, column] = image[:, row + down, column + right]
    return result


def cutout(image: Tensor, centre_row: int, centre_column: int) -> Tensor:
    result = image.clone()
    _, height, width = image.shape
    side = int(height * 0.5 + 0.5)
    for row in range(centre_row - side // 2, centre_row - side // 2 + side):
        for column in range(centre_column - side // 2, centre_column - side // 2 + side):
            if 0 <= row < height and 0 <= column < width:
                result[:, row, column] = 0
    return result


def affine(image: Tensor, matrix: list[list[float]]) -> Tensor:
    """Bilinear sampling at matrix @ (x, y), where pixel centres are at (2 i + 1) / n - 1 and zeros lie outside."""
    result = torch.zeros_like(image)
    _, height, width = image.shape
    for row in range(height):
        for column in range(width):
            x, y = (2 * column + 1) / width - 1, (2 * row + 1) / height - 1
            source_x = ((matrix[0][0] * x + matrix[0][1] * y + 1) * width - 1) / 2
            source_y = ((matrix[1][0] * x + matrix[1][1] * y + 1) * height - 1) / 2
            left, top = math.floor(source_x), math.floor(source_y)
            for i in (top, top + 1):
                for j in (left, left + 1):
                    if 0 <= i < height and 0 <= j < width:
                        weight = (1 - abs(source_y - i)) * (1 - abs(source_x - j))
                        result[:, row, column] += weight * image[:, i, j]
    return result


def scale(image: Tensor, x: float, y: float) -> Tensor:
    return affine(image, [[x, 0], [0, y]])


def rotate(image: Tensor, angle: float) -> Tensor:
    return affine(image, [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


def apply(name: str, image: Tensor, p: Parameters) -> Tensor:
    if name == "flip":
        return flip(image, p.flipped)
    if name == "color":
        return color(image, p.brightness, p.saturation, p.contrast)
    if name == "crop":
        return crop(image, p.down, p.right)
    if name == "cutout":
        return cutout(image, p.centre_row, p.centre_column)
    if name == "scale":
        return scale(image, p.scale_x, p.scale_y)
    return rotate(image, p.angle)


def augment_image(image: Tensor, semantic: str, named: list[str], u: list[float], choice: float) -> Tensor:
    """Augment one image; `u` are its own uniform numbers, `choice` is the one that draws the operation."""
    p = parameters(u, image.shape[2])
    named = [name for name in ORDER if name in named]
    if semantic == "dsa":
        return apply(named[math.floor(choice * len(named))], image, p) if named else image
    drawable = [name for name in named if name in ("crop", "scale", "rotate")]
    if "flip" in named:
        image = apply("flip", image, p)
    if "color" in named:
        image = apply("color", image, p)
    if drawable:
        image = apply(drawable[math.floor(choice * len(drawable))], image, p)
    if "cutout" in named:
        image = apply("cutout", image, p)
    return image


def augment_batch(images: Tensor, semantic: str, named: list[str], u: list[list[float]], shared: bool) -> Tensor:
    """Augment every image with its own numbers; `shared` takes the operation that the first image drew."""
    return torch.stack(
        [augment_image(image, semantic, named, u[i], u[0][0] if shared else u[i][0]) for i, image in enumerate(images)]
    )


def cutmix_box(share: float, row: float, column: float, size: int) -> tuple[int, int, int, int, float]:
    """Return top, bottom, left, right and the share that is left to the image's own label after clipping.

    `share` is lambda, `row` and `column` are uniform numbers for the centre.
    """
    side = int(size * math.sqrt(1 - share))
    centre_row, centre_column = math.floor(row * size), math.floor(column * size)
    top, bottom = max(0, centre_row - side // 2), min(size, centre_row + side // 2)
    left, right = max(0, centre_column - side // 2), min(size, centre_column + side // 2)
    return top, bottom, left, right, 1 - (bottom - top) * (right - left) / size**2


def cutmix(images: Tensor, partners: list[int], box: tuple[int, int, int, int]) -> Tensor:
    result = images.clone()
    top, bottom, left, right = box
    for i, partner in enumerate(partners):
        for row in range(top, bottom):
            for column in range(left, right):
                result[i, :, row, column] = images[partner, :, row, column]
    return result
