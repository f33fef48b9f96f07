"""The loss that networks are trained with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor


def mixed_cross_entropy(logits: Tensor, labels: Tensor, partners: Tensor, share: float | Tensor) -> Tensor:
    """Return the cross-entropy of a batch that CutMix mixed.

    Args:
        logits: (n, classes).
        labels: (n,) int64, or class probabilities (n, classes).
        partners: (n,) int64: image i holds a part of image ``partners[i]``.
        share: part that an image keeps of itself; a number, or a tensor () of the type of *logits*.
    """
    own = functional.cross_entropy(logits, labels)
    others = functional.cross_entropy(logits, labels[partners])
    return share * own + (1 - share) * others
