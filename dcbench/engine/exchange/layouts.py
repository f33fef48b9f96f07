"""Where the images and labels of a published set lie among nested lists and dicts, and what its labels mean."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from statistics import fmean, pstdev
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dcbench.api.errors import RequestError
from dcbench.api.texts import plural

if TYPE_CHECKING:
    from pathlib import Path

IMAGES = ("images", "data", "x")
LABELS = ("labels", "targets", "target", "y")
ACCURACIES = "accs_all_exps"
"""Where DC, DSA, DM and IDM put the accuracies of all their sets, set after set: a list for each network."""

_DEEPEST = 3  # dicts and lists below one another, before a pair
_MOST_SETS = 100  # in one list
_LONGEST = 40  # characters of a name that a file brings along

Pair = tuple[Tensor, Tensor]
"""Images and labels."""


def find_sets(held: Any) -> list[Pair]:
    """Return every pair of images and labels in *held*, in order.

    Known layouts: a dict with images and labels under usual names (dcbench); ``{"data": [[images, labels], ...]}``,
    one pair for each experiment (DC, DSA, DM, IDM); ``[images, labels]`` (IDC, M3D). What lies deeper than any of them
    is not looked at: a file of a few bytes can hold lists of lists without end.
    """
    return _find(held, _DEEPEST)


def _find(held: Any, depth: int) -> list[Pair]:
    if isinstance(held, Mapping):
        images, labels = _first(held, IMAGES), _first(held, LABELS)
        if images is not None and labels is not None:
            return [(images, labels)]
        return _find(held.get("data"), depth - 1) if depth else []
    if not isinstance(held, Sequence) or isinstance(held, str):
        return []
    if len(held) == 2 and all(isinstance(item, Tensor) for item in held):
        return [(held[0], held[1])]
    if depth == 0 or len(held) > _MOST_SETS:
        return []
    return [pair for item in held for pair in _find(item, depth - 1)]


def every_set(held: Any, path: Path) -> list[Pair]:
    """Return the sets in *held*, one at least.

    Raises:
        RequestError: there is none.
    """
    pairs = find_sets(held)
    if not pairs:
        raise RequestError(
            f"{path} holds no images with labels, but {_described(held)}: wanted are tensors under {'/'.join(IMAGES)} "
            f'and {"/".join(LABELS)}, a list [images, labels], or {{"data": [[images, labels], ...]}}'
        )
    return pairs


def _described(held: Any) -> str:
    """Describe *held* in a few words."""
    if isinstance(held, Mapping):
        names = [_printable(name) for name in held]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        return f"a dict with {', '.join(names[:3])}{more}" if names else "an empty dict"
    if isinstance(held, Sequence) and not isinstance(held, str):
        return f"a {type(held).__name__} of {', '.join(type(item).__name__ for item in held[:3]) or 'nothing'}"
    return f"one {type(held).__name__}"


def _printable(name: object) -> str:
    return "".join(letter for letter in str(name)[:_LONGEST] if letter.isprintable())


def claims(held: Any, number: int, count: int) -> dict[str, tuple[float, ...]]:
    """Return the accuracies that the file has for set *number* of *count*, for each network; empty if it has none.

    Where they do not divide evenly among the sets, they cannot be assigned, and all are returned.
    """
    found = held.get(ACCURACIES) if isinstance(held, Mapping) else None
    if not isinstance(found, Mapping):
        return {}
    claimed = {}
    for network, values in found.items():
        numbers = _numbers(values)
        share = len(numbers) // count
        own = numbers[number * share : (number + 1) * share] if len(numbers) % count == 0 else numbers
        if own:
            claimed[_printable(network)] = own
    return claimed


def claim_text(values: Sequence[float]) -> str:
    """Return what a file claims in words: ``0.653 ± 0.004, mean of 5 numbers in the file; not measured here``."""
    spread = f" ± {pstdev(values):.3g}, mean of {plural(len(values), 'number')} in the file" if len(values) > 1 else ""
    return f"{fmean(values):.3g}{spread}; not measured here"


def _numbers(values: Any) -> tuple[float, ...]:
    if not isinstance(values, Sequence) or isinstance(values, str):
        return ()
    numbers = [float(value) for value in values if isinstance(value, Real)]
    return tuple(number for number in numbers if math.isfinite(number))


def tidy_labels(labels: Tensor) -> Tensor:
    """Return *labels* as the bench has them: int64 (N,), or float32 (N, classes) if they are soft.

    One-hot rows become classes: they hold no more, and soft labels count against the budget.

    Raises:
        RequestError: they are neither classes nor rows.
    """
    if labels.ndim == 2 and labels.shape[1] == 1:  # a column of classes, not soft labels of a single class
        labels = labels[:, 0]
    if labels.ndim == 2:
        one_hot = ((labels == 0) | (labels == 1)).all() and (labels.sum(1) == 1).all()
        return labels.argmax(1) if one_hot else labels.float()
    if labels.ndim != 1 or labels.is_complex():
        raise RequestError(f"labels have shape {tuple(labels.shape)}; wanted is (N,), or (N, classes) if they are soft")
    whole = labels.to(torch.int64)
    if not bool((whole == labels).all()):
        raise RequestError("labels are not whole numbers; soft labels are probabilities of shape (N, classes)")
    return whole


def _first(held: Mapping[Any, Any], names: Sequence[str]) -> Tensor | None:
    return next((held[name] for name in names if isinstance(held.get(name), Tensor)), None)
