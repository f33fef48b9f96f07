"""Image folders and idx files, read the slow and literal way: one file, one pixel at a time."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

ENDINGS = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}


def read_split(
    folder: Path, size: int | None, channels: int, wanted: tuple[str, ...] | None = None
) -> tuple[np.ndarray, list[int]]:
    """Return (N, C, H, W) uint8 and labels: *wanted* or sorted class folders, sorted files, resized by torchvision."""
    from torchvision.transforms import v2

    images, labels = [], []
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    if wanted is not None:
        classes = [folder / name for name in wanted]
    for label, one_class in enumerate(classes):
        for file in sorted(one_class.iterdir(), key=lambda path: path.name):
            if file.suffix.lower() not in ENDINGS:
                continue
            image = Image.open(file).convert("L" if channels == 1 else "RGB")
            if size is not None:
                image = v2.CenterCrop(size)(v2.Resize(size, v2.InterpolationMode.BILINEAR)(image))
            images.append(np.array(image).reshape(image.height, image.width, channels).transpose(2, 0, 1))
            labels.append(label)
    return np.stack(images), labels


def mean_and_std(images: np.ndarray) -> tuple[list[float], list[float]]:
    """Return mean and population standard deviation of images / 255, one per channel, summed pixel by pixel."""
    means, stds = [], []
    for channel in range(images.shape[1]):
        values = [int(pixel) / 255 for pixel in images[:, channel].ravel()]
        mean = math.fsum(values) / len(values)
        means.append(mean)
        stds.append(math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values)))
    return means, stds


def read_idx(file: Path) -> np.ndarray:
    """Return the array of an idx file: two zero bytes, type 8 (uint8), number of axes, big-endian sizes, bytes."""
    data = file.read_bytes()
    zero, kind, axes = struct.unpack(">HBB", data[:4])
    assert (zero, kind) == (0, 8)
    sizes = struct.unpack(f">{axes}I", data[4 : 4 + 4 * axes])
    return np.frombuffer(data[4 + 4 * axes :], np.uint8).reshape(sizes)
