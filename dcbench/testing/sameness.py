"""Whether two condensed sets are the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcbench.api.condensed import CondensedSet

if TYPE_CHECKING:
    from torch import Tensor


def difference(one: CondensedSet, other: CondensedSet, tolerance: float = 0.0) -> str:
    """Return in words how the sets differ; the empty text if they are the same bits, or pixels within *tolerance*."""
    if one.decoder != other.decoder:
        return f"the decoders differ: {one.decoder} and {other.decoder}"
    return (
        _tensors("labels", one.labels, other.labels)
        or _tensors("source indices", one.source_indices, other.source_indices)
        or _tensors("pixels", one.images, other.images, tolerance)
    )


def _tensors(name: str, one: Tensor | None, other: Tensor | None, tolerance: float = 0.0) -> str:
    if one is None or other is None:
        return "" if one is other else f"only one of the sets has {name}"
    if one.shape != other.shape or one.dtype != other.dtype:
        return f"the {name} differ: {one.dtype} {tuple(one.shape)} and {other.dtype} {tuple(other.shape)}"
    apart = (one - other).abs()
    unequal = int((apart > tolerance).sum())
    return f"{unequal} of {one.numel()} {name} differ, by up to {float(apart.max()):.2g}" if unequal else ""
