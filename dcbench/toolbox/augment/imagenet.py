"""The augmentation of photographs with which IDC trains on its ImageNet subsets; every image has draws of its own.

In this order, on pixels in [0, 1]: a crop of half to all of the area, enlarged to the full side; a flip; brightness,
contrast and saturation by 0.6 to 1.4, in random order; and lighting along the principal axes of ImageNet's colours.
Facts from ``snu-mllab/Efficient-Dataset-Condensation`` (``transform_imagenet`` of ``data.py``). The crop is
torchvision's (`RandomResizedCrop`) and the lighting that of Krizhevsky et al., NeurIPS 2012; the jitter is IDC's own
(``misc/utils.py``), which clips nothing, unlike torchvision's.
"""

from __future__ import annotations

import math
from functools import cache
from itertools import permutations
from typing import TYPE_CHECKING, TypeAlias

import torch

from dcbench.api.renamed import RenamedMethod

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

AREA = (0.5, 1.0)
"""Share of the area that a crop has, drawn uniformly."""
RATIO = (3 / 4, 4 / 3)
"""Width over height of a crop, drawn uniformly on a logarithmic scale."""
JITTER = 0.4
"""Brightness, contrast and saturation are multiplied by 1 - JITTER to 1 + JITTER."""
LIGHTING = 0.1
"""Standard deviation of the move along each principal axis, in units of its eigenvalue."""

_ATTEMPTS = 10  # crops that are drawn; if none of them fits into the image, the whole image is used
_EIGENVALUES = (0.2175, 0.0188, 0.0045)
_EIGENVECTORS = ((-0.5675, 0.7192, 0.4009), (-0.5808, -0.0045, -0.8140), (-0.5836, -0.6948, 0.4203))
_GREY = (0.299, 0.587, 0.114)
_Numbers: TypeAlias = tuple[float, ...] | tuple[tuple[float, ...], ...]
_ORDERS = torch.tensor(list(permutations(range(3))), dtype=torch.float64)


class ImageNetAugmentation:
    """Augments normalised colour images as if they were pixels in [0, 1].

    Args:
        mean: of the normalisation, one per channel; there must be three.
        std: of the normalisation, one per channel.

    Raises:
        ValueError: the images are not in colour.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        if len(mean) != 3:
            raise ValueError(f"the augmentation of ImageNet is for images of 3 channels, not {len(mean)}")
        self._mean, self._std = tuple(mean), tuple(std)

    def draw(self, rows: int, size: int, generator: torch.Generator) -> Tensor:
        """Draw for *rows* images of side *size*: 27 uniform and 3 normal float64 numbers each, from the CPU.

        Returns:
            (rows, 14): top, left, height and width of the crop; flipped or not; brightness, contrast and saturation;
            which of these three comes first, second and third; and the moves along the three axes.
        """
        uniforms = torch.rand((rows, 2 * _ATTEMPTS + 7), generator=generator, dtype=torch.float64)
        moves = LIGHTING * torch.randn((rows, 3), generator=generator, dtype=torch.float64)
        tries, place, rest = torch.split(uniforms, [2 * _ATTEMPTS, 2, 5], 1)
        sides = _crop_sides(tries.view(rows, _ATTEMPTS, 2), size)
        corner = (place * (size - sides + 1)).floor()
        flipped = (rest[:, :1] < 0.5).double()
        factors = 1 - JITTER + 2 * JITTER * rest[:, 1:4]
        order = _ORDERS[(rest[:, 4] * len(_ORDERS)).long()]
        return torch.cat([corner, sides, flipped, factors, order, moves], 1)

    def apply(self, images: Tensor, draw: Tensor) -> Tensor:
        """Return normalised *images* (N, 3, H, W), square, image i changed by row i of *draw*.

        The same kernels run whatever was drawn. Not meant to be differentiated.
        """
        columns = draw.to(images.device, images.dtype).unbind(1)
        mean, std = (_constant(numbers, images).view(-1, 1, 1) for numbers in (self._mean, self._std))
        pixels = _cropped(images * std + mean, columns[:4])
        flipped = columns[4].view(-1, 1, 1, 1) > 0
        pixels = _jittered(torch.where(flipped, pixels.flip(3), pixels), columns[5:8], columns[8:11])
        return (_lit(pixels, torch.stack(columns[11:], 1)) - mean) / std

    @staticmethod
    def as_tensors(draw: Tensor) -> Tensor:
        """Return *draw* as it is: its shape does not depend on what was drawn."""
        return draw

    apply_tensors = apply
    settle = RenamedMethod("as_tensors")
    apply_settled = RenamedMethod("apply_tensors")


def _crop_sides(uniforms: Tensor, size: int) -> Tensor:
    """Return height and width (rows, 2) of the first of several crops that fits, from (rows, attempts, 2) uniforms."""
    area = (AREA[0] + (AREA[1] - AREA[0]) * uniforms[..., 0]) * size**2
    low, high = map(math.log, RATIO)
    ratio = (low + (high - low) * uniforms[..., 1]).exp()
    sides = torch.stack([(area / ratio).sqrt().round(), (area * ratio).sqrt().round()], -1)
    fits = (sides <= size).all(-1)
    first = fits.int().argmax(1)
    chosen = sides[torch.arange(len(sides)), first]
    return torch.where(fits.any(1, keepdim=True), chosen, float(size))


def _cropped(pixels: Tensor, crop: Sequence[Tensor]) -> Tensor:
    """Enlarge the crops (top, left, height, width) bilinearly to the full side, from their own pixels alone."""
    top, left, height, width = crop
    return _stretched(_stretched(pixels, 2, top, height), 3, left, width)


def _stretched(pixels: Tensor, axis: int, start: Tensor, length: Tensor) -> Tensor:
    """Enlarge *length* pixels from *start*, (N,) each, to a whole axis, bilinearly with half-pixel centres."""
    size = pixels.shape[axis]
    places = (torch.arange(size, device=pixels.device) + 0.5) * (length / size).unsqueeze(1) - 0.5
    places = places.clamp_min(0)
    lower = places.floor()
    upper = torch.minimum(lower + 1, length.unsqueeze(1) - 1)
    shape = [len(pixels), 1, 1, 1]
    shape[axis] = size

    def at(offsets: Tensor) -> Tensor:
        index = (start.unsqueeze(1) + offsets).long().view(shape)
        return pixels.gather(axis, index.expand_as(pixels))

    return torch.lerp(at(lower), at(upper), (places - lower).view(shape))


def _jittered(pixels: Tensor, factors: Sequence[Tensor], order: Sequence[Tensor]) -> Tensor:
    """Change brightness, contrast and saturation (N,) of each image, in its order; nothing is clipped."""
    brightness, contrast, saturation = (factor.view(-1, 1, 1, 1) for factor in factors)
    for turn in order:
        grey = _grey(pixels)
        # Each is a mixture of the image with another: black, its mean grey, its own grey image.
        changed = (
            pixels * brightness,
            grey.mean((2, 3), keepdim=True).lerp(pixels, contrast),
            grey.lerp(pixels, saturation),
        )
        which = turn.view(-1, 1, 1, 1)
        pixels = torch.where(which == 0, changed[0], torch.where(which == 1, changed[1], changed[2]))
    return pixels


def _grey(pixels: Tensor) -> Tensor:
    return (pixels * _constant(_GREY, pixels).view(-1, 1, 1)).sum(1, keepdim=True)


def _lit(pixels: Tensor, moves: Tensor) -> Tensor:
    """Move the colour of each image by *moves* (N, 3) along the principal axes; the result is not clipped."""
    axes = _constant(_EIGENVECTORS, pixels) * _constant(_EIGENVALUES, pixels)
    return pixels + (moves @ axes.mT).view(-1, 3, 1, 1)


def _constant(numbers: _Numbers, like: Tensor) -> Tensor:
    """Return *numbers* as a tensor of the device and type of *like*."""
    return _made_once(numbers, like.device, like.dtype)


@cache
def _made_once(numbers: _Numbers, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Return *numbers* as the same tensor each time: a captured step must not copy from the host to the GPU."""
    return torch.tensor(numbers, device=device, dtype=dtype)
