"""The held-out tenth of the training set, for tuning; the counts of a split in words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dcbench.api.seeds import derive_seed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dcbench.api.data import DatasetInfo, ImageSet


def held_out(count: int) -> int:
    """Return how many of a class's *count* training images are held out: a tenth, and at least one."""
    return max(1, round(count / 10))


def validation_info(info: DatasetInfo) -> DatasetInfo:
    """Return *info* as it is with the held-out tenth in the place of the test set."""
    held = tuple(held_out(count) for count in info.train_counts)
    kept = tuple(count - out for count, out in zip(info.train_counts, held, strict=True))
    return replace(info, train_counts=kept, test_counts=held)


def split_validation(train: ImageSet) -> tuple[ImageSet, ImageSet]:
    """Return (nine tenths, one tenth) of *train*: the same images of each class in every run, order kept."""
    import torch

    generator = torch.Generator().manual_seed(derive_seed(purpose="validation split"))
    held = torch.zeros(len(train), dtype=torch.bool)
    for index in train.class_index:
        held[index[torch.randperm(len(index), generator=generator)[: held_out(len(index))]]] = True
    return train.subset((~held).nonzero().flatten()), train.subset(held.nonzero().flatten())


_LISTED = 12


def counts_text(names: Sequence[str], counts: Sequence[int], *, all_of_them: bool = False) -> str:
    """Return how many images there are, and how many of each class.

    Args:
        names: of the classes.
        counts: of the images of each.
        all_of_them: list every class where the counts differ, however many there are.
    """
    total = f"{sum(counts):,} image{'' if sum(counts) == 1 else 's'}"
    if len(set(counts)) == 1:
        return f"{total}, {counts[0]:,} of each class"
    if len(counts) <= _LISTED or all_of_them:
        return f"{total} ({', '.join(f'{name}: {count:,}' for name, count in zip(names, counts, strict=True))})"
    low, high = min(counts), max(counts)
    named = (f"{count:,} ({names[counts.index(count)]})" for count in (low, high))
    return f"{total}, {' to '.join(named)} a class"
