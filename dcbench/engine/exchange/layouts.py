"""Where the images and labels of a published set lie among nested lists and dicts, and what its labels mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dcbench.api.errors import RequestError

if TYPE_CHECKING:
    from pathlib import Path

IMAGES = ("images", "data", "x")
LABELS = ("labels", "targets", "target", "y")

Pair = tuple[Tensor, Tensor]
"""Images and labels."""


def find_sets(held: Any) -> list[Pair]:
    """Return every pair of images and labels in *held*, in order.

    Known layouts: a dict with images and labels under usual names (dcbench); ``{"data": [[images, labels], ...]}``,
    one pair for each experiment (DC, DSA, DM, IDM); ``[images, labels]`` (IDC, M3D).
    """
    if isinstance(held, Mapping):
        images, labels = _first(held, IMAGES), _first(held, LABELS)
        if images is not None and labels is not None:
            return [(images, labels)]
        return find_sets(held.get("data"))
    if isinstance(held, Sequence) and not isinstance(held, str):
        if len(held) == 2 and all(isinstance(item, Tensor) for item in held):
            return [(held[0], held[1])]
        return [pair for item in held for pair in find_sets(item)]
    return []


def choose_set(held: Any, number: int, path: Path) -> Pair:
    """Return the only set in *held*, or set *number* if there are several.

    Raises:
        RequestError: there is no set, or not so many.
    """
    pairs = find_sets(held)
    if not pairs:
        raise RequestError(
            f"{path} holds no images with labels: wanted are tensors under {'/'.join(IMAGES)} and {'/'.join(LABELS)}, "
            'a list [images, labels], or {"data": [[images, labels], ...]}'
        )
    if len(pairs) == 1:
        return pairs[0]
    if number >= len(pairs):
        raise RequestError(f"{path} holds {len(pairs)} sets; --seed chooses among 0-{len(pairs) - 1}, not {number}")
    return pairs[number]


def tidy_labels(labels: Tensor) -> Tensor:
    """Return *labels* as the bench has them: int64 (N,), or float32 (N, classes) if they are soft.

    One-hot rows become classes: they say no more, and soft labels count against the budget.

    Raises:
        RequestError: they are neither classes nor rows.
    """
    if labels.ndim == 2:
        one_hot = ((labels == 0) | (labels == 1)).all() and (labels.sum(1) == 1).all()
        return labels.argmax(1) if one_hot else labels.float()
    if labels.ndim != 1 or labels.is_complex():
        raise RequestError(f"labels have shape {tuple(labels.shape)}; wanted is (N,), or (N, classes) if they are soft")
    whole = labels.to(torch.int64)
    if not bool((whole == labels).all()):
        raise RequestError("labels are no whole numbers; soft labels are probabilities of shape (N, classes)")
    return whole


def _first(held: Mapping[Any, Any], names: Sequence[str]) -> Tensor | None:
    return next((held[name] for name in names if isinstance(held.get(name), Tensor)), None)
