"""The images that are learnt: what they start from, and the training images that they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from torch.nn import functional

from dcbench import CondensedSet, decode_patches
from dcbench.toolbox.matching.sampling import ClassSampler

if TYPE_CHECKING:
    from torch import Tensor

    from dcbench import ImageSet
    from dcbench.toolbox.pixels import Normaliser

Space = Literal["pixel", "normalised"]
Init = Literal["random", "mix", "mix-bilinear", "noise"]


class LearnableSet:
    """The images that are learnt, as one tensor for all classes, in the space in which they are learnt.

    In ``pixel`` space they lie in [0, 1] and are clamped before each step (M3D, IDC). In ``normalised`` space they are
    the input of the network and are never clamped (DM, IDM). With the same learning rate, a step in pixel space moves
    an image 1/std**2 times as far as one in normalised space: about 25 times on CIFAR-10.
    """

    def __init__(self, pixels: Tensor, space: Space, factor: int, normaliser: Normaliser) -> None:
        """Start from given images.

        Args:
            pixels: (classes, ipc, C, H, W) in [0, 1], on the device of *normaliser*; copied.
            space: where learning happens.
            factor: tiles per side of a stored image; each tile is a training image.
            normaliser: maps between pixels and what networks see; gives the floating type.
        """
        self.space = space
        self.factor = factor
        self._normaliser = normaliser
        self.images = normaliser.normalise(pixels) if space == "normalised" else pixels.to(normaliser.dtype, copy=True)

    def clamp(self) -> None:
        """Clamp pixels to [0, 1], in place; normalised images stay as they are."""
        if self.space == "pixel":
            self.images.clamp_(0, 1)

    def training_images(self, stored: Tensor) -> Tensor:
        """Decode *stored* images into what a network is given, differentiably.

        Args:
            stored: (classes, ipc, C, H, W) in the space of this set.

        Returns:
            (classes, ipc * factor**2, C, H, W), normalised; tile k of image i of a class stands at ``k * ipc + i``.
        """
        if self.factor == 1:
            return stored if self.space == "normalised" else self._normaliser.normalise(stored)
        classes, ipc = stored.shape[:2]
        # Decoded as pixels: the padding of an odd side is then 0.5, as it is when the set is evaluated.
        tiles = decode_patches(self._pixels(stored).flatten(0, 1), self.factor)
        by_class = tiles.reshape(self.factor**2, classes, ipc, *stored.shape[2:]).transpose(0, 1).flatten(1, 2)
        return self._normaliser.normalise(by_class)

    def condensed(self, first: int = 0) -> CondensedSet:
        """Return the set as it is after the last step, in pixels, labels class by class from *first* on.

        As in the published codes nothing is clipped: in ``normalised`` space pixels go far outside [0, 1], and networks
        are trained on them as they are. In ``pixel`` space the last step may end a little outside.
        """
        classes, ipc = self.images.shape[:2]
        pixels = self._pixels(self.images).flatten(0, 1)
        labels = torch.arange(first, first + classes).repeat_interleave(ipc)
        return CondensedSet.of_images(pixels, labels, self.factor, unbounded=True)

    def _pixels(self, stored: Tensor) -> Tensor:
        return self._normaliser.pixels(stored) if self.space == "normalised" else stored


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

    The published M3D code takes the first images of each class. Here they are drawn, so that seeds differ.

    Args:
        train: the training split.
        ipc: images per class.
        init: ``random`` for whole images, ``mix`` and ``mix-bilinear`` for factor x factor shrunk ones in each,
            ``noise`` for normal draws of mean 0.5 and standard deviation 0.25, clamped to [0, 1].
        factor: tiles per side of a stored image; used by mixing only.
        generator: a CPU generator; what is drawn from it does not depend on *classes*.
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

    Tiles go row by row; tile k of image i shows image ``k * ipc + i`` of its class. If the side is not a multiple of
    *factor*, the first tiles are one pixel larger.

    Args:
        images: (classes, ipc * factor**2, C, H, W), square.
        factor: tiles per side.
        mode: how images are shrunk: to the nearest pixel (IDC, M3D) or bilinearly (IDM).

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
