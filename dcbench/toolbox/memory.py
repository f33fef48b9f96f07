"""Working within the memory there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

Result = TypeVar("Result")

RESIDENT_SHARE = 0.5
"""The part of the free memory of a GPU that images may take to be kept there: networks need room too."""


def fits(images: Tensor, device: torch.device) -> bool:
    """Return whether *images*, which are uint8 and on the CPU, may be kept whole on *device*."""
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return images.numel() <= RESIDENT_SHARE * free


def halving(attempt: Callable[[int], Result], chunk: int) -> Result:
    """Return *attempt* of *chunk*, or of the half of it, and again the half, as often as memory runs out.

    Args:
        attempt: works on so many images at once; its result does not depend on how many these are. If it raises, it can
            be called again.
        chunk: how many to begin with, at least 1.

    Raises:
        torch.OutOfMemoryError: not even one image at a time fits.
    """
    while True:
        try:
            return attempt(chunk)
        except torch.OutOfMemoryError:
            if chunk == 1:
                raise
        # Only here, where the exception is gone, are the tensors of the failed attempt free.
        chunk //= 2
