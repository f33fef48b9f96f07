"""Working within the memory there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")


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
