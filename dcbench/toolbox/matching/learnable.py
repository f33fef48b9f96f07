"""The learnable images of all classes as one tensor, and the training images that they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch

from dcbench import CondensedSet, decode_patches

if TYPE_CHECKING:
    from torch import Tensor

    from dcbench.toolbox.pixels import Normaliser

Space = Literal["pixel", "normalised"]


class LearnableSet:
    """The images that are learnt, in the space in which they are learnt.

    In ``pixel`` space they lie in [0, 1] and are clamped before each step (M3D, IDC); in ``normalised`` space they are
    what the network sees and are never clamped (DM, IDM). With the same learning rate, a step in pixel space moves an
    image 1/std**2 times as far as one in normalised space: about 25 times on CIFAR-10.
    """

    def __init__(self, pixels: Tensor, space: Space, factor: int, normaliser: Normaliser) -> None:
        """Start from given images.

        Args:
            pixels: (classes, ipc, C, H, W) in [0, 1], on the device of *normaliser*; copied.
            space: where learning happens.
            factor: tiles per side of a stored image; each tile is a training image.
            normaliser: maps between pixels and what networks see; decides the floating type.
        """
        self.space = space
        self.factor = factor
        self._normaliser = normaliser
        self.images = normaliser.normalise(pixels) if space == "normalised" else pixels.to(normaliser.dtype, copy=True)

    def clamp(self) -> None:
        """Bring pixels back to [0, 1], in place; normalised images stay as they are."""
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
        # Padding of an odd side is 0.5 in pixels, so that decoding here is decoding in the evaluation.
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
