"""How many images a split has, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

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
