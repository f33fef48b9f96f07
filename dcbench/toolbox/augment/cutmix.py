"""CutMix (Yun et al., ICCV 2019) as the IDC and M3D codes train with it: one box for the whole batch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from dcbench.api.renamed import RenamedMethod

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Mix:
    """One draw of `CutMix`: the partner of each image, the box, and how much of its own label an image keeps."""

    partners: Tensor
    """(N,) int64, on the CPU: a permutation of the batch; image i receives the box of image ``partners[i]``."""
    box: tuple[int, int, int, int]
    """Top, bottom, left, right in pixels; bottom and right are exclusive."""
    share: float
    """Part of the area outside the box, which is the weight of an image's own label."""

    def images(self, images: Tensor) -> Tensor:
        """Return *images* (N, C, H, W) with the box filled from their partners; *images* stay as they are."""
        top, bottom, left, right = self.box
        mixed = images.clone()
        mixed[..., top:bottom, left:right] = images[self.partners.to(images.device), :, top:bottom, left:right]
        return mixed


@dataclass(frozen=True)
class CutMix:
    """CutMix with a probability for each batch."""

    probability: float
    """Probability that a batch is mixed."""
    beta: float = 1.0
    """Both parameters of the Beta distribution of the area that stays; 1 is uniform."""

    def draw(self, rows: int, size: int, generator: torch.Generator) -> Mix | None:
        """Draw for one batch.

        Takes three uniform float64 numbers (decision, row, column), and for a batch that is mixed two gamma numbers and
        a permutation.

        Args:
            rows: images in the batch.
            size: side of the images in pixels.
            generator: on the CPU.

        Returns:
            the draw, or None for a batch that is not mixed.
        """
        decision, row, column = torch.rand(3, generator=generator, dtype=torch.float64).tolist()
        if decision >= self.probability:
            return None
        share = _beta(self.beta, generator)
        partners = torch.randperm(rows, generator=generator)
        box = _box(share, int(row * size), int(column * size), size)
        top, bottom, left, right = box
        # The box may have been clipped at the border; the labels follow the area that is left of it.
        return Mix(partners, box, 1 - (bottom - top) * (right - left) / size**2)

    @staticmethod
    def as_tensors(mix: Mix | None, rows: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return a draw for a batch of *rows* images as tensors for `apply_tensors`, on the CPU.

        Returns:
            partners (rows,) int64, box (4,) int64 and share () float64. A batch that is not mixed has an empty box and
            keeps all of its labels.
        """
        if mix is None:
            mix = Mix(torch.arange(rows), (0, 0, 0, 0), 1.0)
        return mix.partners, torch.tensor(mix.box), torch.tensor(mix.share, dtype=torch.float64)

    @staticmethod
    def apply_tensors(images: Tensor, partners: Tensor, box: Tensor) -> Tensor:
        """Do what `Mix.images` does, by the same kernels whatever was drawn, as a captured step must.

        Args:
            images: (N, C, H, W).
            partners: (N,) int64, on the device of *images*.
            box: (4,) int64, on the device of *images*.
        """
        top, bottom, left, right = box.unbind()
        rows = torch.arange(images.shape[-2], device=images.device).unsqueeze(1)
        columns = torch.arange(images.shape[-1], device=images.device)
        inside = (rows >= top) & (rows < bottom) & (columns >= left) & (columns < right)
        return torch.where(inside, images[partners], images)

    settle = RenamedMethod("as_tensors")
    apply_settled = RenamedMethod("apply_tensors")


def _beta(parameter: float, generator: torch.Generator) -> float:
    # torch draws a Beta only from the global generator; a ratio of two gamma variates from this one is a Beta too.
    both = torch.full((2,), parameter, dtype=torch.float64)
    one, other = torch._standard_gamma(both, generator=generator).tolist()
    return float(one / (one + other))


def _box(share: float, row: int, column: int, size: int) -> tuple[int, int, int, int]:
    half = int(size * math.sqrt(1 - share)) // 2
    return max(0, row - half), min(size, row + half), max(0, column - half), min(size, column + half)
