"""Words that texts for people share."""

from __future__ import annotations


def plural(number: int, noun: str) -> str:
    """Return *number* with *noun*, which takes an s unless there is one: ``1 cell``, ``0 cells``, ``1,200 images``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
