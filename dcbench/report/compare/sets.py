"""Condensed sets that two folders share by name: whether their images are the same too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch

from dcbench.api.condensed import CondensedSet
from dcbench.engine.store.about import KIND
from dcbench.engine.store.hdf5 import reading
from dcbench.engine.store.sets import get_set
from dcbench.engine.store.tensors import hash_tensors


@dataclass(frozen=True)
class SetsInBoth:
    """How alike condensed sets of one name are."""

    count: int
    identical: int
    """Of these, how many hold the same labels and images, or indices, to the last bit."""
    other_labels: int
    """Of the others, how many differ in their labels."""
    largest_difference: float | None
    """Between two pixels in [0, 1] of the others; None where none of them can be compared."""


def compare_sets(pairs: Iterable[tuple[Path, Path]]) -> SetsInBoth:
    """Compare the condensed sets in each pair of files.

    Raises:
        CorruptFileError, UnsupportedFormatError: a file cannot be read.
    """
    count = identical = other_labels = 0
    differences = []
    for first, second in ((_read(a), _read(b)) for a, b in pairs):
        count += 1
        if _content_hash(first) == _content_hash(second):
            identical += 1
            continue
        other_labels += not torch.equal(first.labels, second.labels)
        if first.images is not None and second.images is not None and first.images.shape == second.images.shape:
            differences.append(float((first.images - second.images).abs().max()))
    return SetsInBoth(count, identical, other_labels, max(differences, default=None))


def _read(path: Path) -> CondensedSet:
    with reading(path, KIND) as file:
        return get_set(file)


def _content_hash(condensed: CondensedSet) -> str:
    tensors = {
        "labels": condensed.labels,
        "images": condensed.images,
        "source_indices": condensed.source_indices,
        f"{condensed.decoder.name} {condensed.decoder.factor}": torch.empty(0),
    }
    return hash_tensors({name: tensor for name, tensor in tensors.items() if tensor is not None})
