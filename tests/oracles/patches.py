"""Literal patch decoding and mix initialisation: one pixel at a time, from the formulas."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def enlarge(tile: Tensor, size: int) -> Tensor:
    """Bilinear, half-pixel centres: (C, h, w) to (C, size, size)."""
    channels, height, width = tile.shape
    out = []
    for row in range(size):
        for column in range(size):
            y = max(0.0, (row + 0.5) * height / size - 0.5)
            x = max(0.0, (column + 0.5) * width / size - 0.5)
            top, left = math.floor(y), math.floor(x)
            bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
            upper = tile[:, top, left] * (1 - (x - left)) + tile[:, top, right] * (x - left)
            lower = tile[:, bottom, left] * (1 - (x - left)) + tile[:, bottom, right] * (x - left)
            out.append(upper * (1 - (y - top)) + lower * (y - top))
    return torch.stack(out, 1).reshape(channels, size, size)


def decode_class(images: Tensor, factor: int) -> Tensor:
    """Decode the images of one class (ipc, C, H, W) to (factor**2 * ipc, C, H, W), tile by tile."""
    channels, size = images.shape[1:3]
    if factor == 1:
        return images
    side = math.ceil(size / factor)
    decoded = []
    for row in range(factor):
        for column in range(factor):
            for image in images:
                padded = torch.full((channels, side * factor, side * factor), 0.5, dtype=images.dtype)
                padded[:, :size, :size] = image
                tile = padded[:, row * side : (row + 1) * side, column * side : (column + 1) * side]
                decoded.append(enlarge(tile, size))
    return torch.stack(decoded)


def mix(images: Tensor, ipc: int, factor: int) -> Tensor:
    """Tile the images of one class (ipc * factor**2, C, H, W) into (ipc, C, H, W)."""
    size = images.shape[-1]
    sides = [size // factor + (1 if part < size % factor else 0) for part in range(factor)]
    starts = [sum(sides[:part]) for part in range(factor)]
    out = torch.full((ipc, *images.shape[1:]), math.nan, dtype=images.dtype)
    for i in range(ipc):
        for row in range(factor):
            for column in range(factor):
                source = images[(row * factor + column) * ipc + i]
                for y in range(sides[row]):
                    for x in range(sides[column]):
                        pixel = source[:, y * size // sides[row], x * size // sides[column]]
                        out[i, :, starts[row] + y, starts[column] + x] = pixel
    return out
