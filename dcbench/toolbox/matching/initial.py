"""What matching starts from: real images, tiles of real images, or noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from torch.nn import functional

from dcbench.toolbox.matching.sampling import ClassSampler

if TYPE_CHECKING:
    from torch import Tensor

    from dcbench import ImageSet

Init = Literal["random", "mix", "mix-bilinear", "noise"]


def images_needed(init: Init, ipc: int, factor: int) -> int:
    """Return how many training images of each class an initialisation takes."""
    mixed_in = ipc * factor**2
    return {"random": ipc, "mix": mixed_in, "mix-bilinear": mixed_in, "noise": 0}[init]


def initial_pixels(
    train: ImageSet,
    ipc: int,
    *,
    init: Init,
    factor: int,
    generator: torch.Generator,
    classes: range | None = None,
) -> Tensor:
    """Return the images that matching starts from.

    The published M3D code takes the first images of each class; here they are drawn at random, so that seeds differ.

    Args:
        train: the training split.
        ipc: images per class.
        init: ``random`` for whole images, ``mix`` and ``mix-bilinear`` for factor x factor shrunk ones in each,
            ``noise`` for normal draws of mean 0.5 and standard deviation 0.25, clamped to [0, 1].
        factor: tiles per side of a stored image; only mixing looks at it.
        generator: a CPU generator; what it is asked for does not depend on *classes*.
        classes: those whose images are returned; all by default.

    Returns:
        (classes, ipc, C, H, W), float32, pixels in [0, 1], on the CPU.

    Raises:
        ValueError: a class has fewer images than the initialisation takes.
    """
    own = slice(None) if classes is None else slice(classes.start, classes.stop)
    if init == "noise":
        noise = torch.randn((train.classes, ipc, *train.images.shape[1:]), generator=generator)[own]
        return (noise / 4 + 0.5).clamp_(0, 1)
    needed = images_needed(init, ipc, factor)
    sampler = ClassSampler(train.class_index, needed)
    if sampler.count < needed:
        raise ValueError(f"init={init} takes {needed} images of each class, the smallest class has {sampler.count}")
    chosen = train.pixels(sampler.draw(generator)[own])
    if init == "random":
        return chosen
    return mixed(chosen, factor, "nearest" if init == "mix" else "bilinear")


def mixed(images: Tensor, factor: int, mode: Literal["nearest", "bilinear"] = "nearest") -> Tensor:
    """Put factor x factor shrunk images into each image, as the published IDC, M3D and IDM codes do.

    Tiles go row by row; tile k of image i shows image ``k * ipc + i`` of its class. Where the side is no multiple of
    *factor*, the first tiles are one pixel larger.

    Args:
        images: (classes, ipc * factor**2, C, H, W), square.
        factor: tiles per side.
        mode: shrinking takes the nearest pixel (IDC, M3D), or goes between pixels (IDM).

    Returns:
        (classes, ipc, C, H, W)
    """
    classes, total, channels, size, _ = images.shape
    sides = [size // factor + (part < size % factor) for part in range(factor)]
    tiles = images.reshape(classes, factor, factor, total // factor**2, channels, size, size)
    rows = [
        torch.cat([_shrunk(tiles[:, row, column], height, width, mode) for column, width in enumerate(sides)], -1)
        for row, height in enumerate(sides)
    ]
    return torch.cat(rows, -2)


def _shrunk(images: Tensor, height: int, width: int, mode: str) -> Tensor:
    classes, ipc, channels = images.shape[:3]
    flat: Tensor = functional.interpolate(images.flatten(0, 1), size=(height, width), mode=mode)
    return flat.reshape(classes, ipc, channels, height, width)
