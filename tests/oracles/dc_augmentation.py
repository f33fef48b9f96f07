"""DC's augmentation, one image and one pixel at a time, from its description."""

from __future__ import annotations

import math

import torch
from scipy import ndimage
from torch import Tensor


def crop(image: Tensor, first: float, second: float, batch: Tensor) -> Tensor:
    channels, size, _ = image.shape
    padded = torch.zeros(channels, size + 8, size + 8, dtype=image.dtype)
    for channel in range(channels):
        padded[channel] = float(batch[:, channel].mean())
    padded[:, 4 : 4 + size, 4 : 4 + size] = image
    row, column = int(first * 8), int(second * 8)
    return padded[:, row : row + size, column : column + size]


def scale(image: Tensor, first: float, second: float, batch: Tensor) -> Tensor:
    channels, size, _ = image.shape
    height, width = int((0.8 + 0.4 * first) * size), int((0.8 + 0.4 * second) * size)
    resized = torch.zeros(channels, height, width, dtype=image.dtype)
    for y in range(height):
        for x in range(width):
            resized[:, y, x] = image[:, y * size // height, x * size // width]
    side = max(height, width, size)
    canvas = torch.zeros(channels, side, side, dtype=image.dtype)
    top, left = int((side - height) / 2), int((side - width) / 2)
    canvas[:, top : top + height, left : left + width] = resized
    edge = int((side - size) / 2)
    return canvas[:, edge : edge + size, edge : edge + size]


def rotate(image: Tensor, first: float, second: float, batch: Tensor) -> Tensor:
    """As published: scipy turns and enlarges the image, and the middle, as far as whole pixels allow, is cut out."""
    size = image.shape[-1]
    fill = sum(float(batch[:, channel].mean()) for channel in range(batch.shape[1])) / batch.shape[1]
    enlarged = ndimage.rotate(image.numpy(), angle=math.floor(first * 90) - 45, axes=(-2, -1), cval=fill)
    top, left = int((enlarged.shape[-2] - size) / 2), int((enlarged.shape[-1] - size) / 2)
    return torch.from_numpy(enlarged[:, top : top + size, left : left + size].copy())


def rotate_bilinearly(image: Tensor, first: float, second: float, batch: Tensor) -> Tensor:
    channels, size, _ = image.shape
    angle = math.radians(math.floor(first * 90) - 45)
    fill = float(batch.mean())
    result = torch.full_like(image, fill)
    middle = (size - 1) / 2
    for y in range(size):
        for x in range(size):
            source_x = math.cos(angle) * (x - middle) - math.sin(angle) * (y - middle) + middle
            source_y = math.sin(angle) * (x - middle) + math.cos(angle) * (y - middle) + middle
            for channel in range(channels):
                result[channel, y, x] = _bilinear(image[channel], source_y, source_x, fill)
    return result


def _bilinear(plane: Tensor, y: float, x: float, fill: float) -> float:
    size, total = len(plane), 0.0
    for row in (math.floor(y), math.floor(y) + 1):
        for column in (math.floor(x), math.floor(x) + 1):
            weight = (1 - abs(y - row)) * (1 - abs(x - column))
            inside = 0 <= row < size and 0 <= column < size
            total += weight * (float(plane[row, column]) if inside else fill)
    return total
