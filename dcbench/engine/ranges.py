"""Ranges of consecutive whole numbers, such as classes or repeats, written ``0-19`` or ``7``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator

_LONGEST = 10**6  # numbers in a range: code makes lists of them, which must not fill the memory
_TEXT = re.compile(r"(\d+)(?:-(\d+))?")


def as_range(value: range | str | int) -> range:
    """Return *value*, such as ``"0-19"`` (both ends included), ``7`` or ``range(20)``, as a range.

    Raises:
        ValueError: it is something else, empty, not consecutive, or of more than a million numbers.
    """
    if isinstance(value, range):
        found = value
    else:
        match = _TEXT.fullmatch(str(value).strip())
        found = range(int(match[1]), int(match[2] or match[1]) + 1) if match else range(0)
    if not found or found.step != 1 or found.start < 0:
        raise ValueError(f"{value!r} is not a range such as 0-19 or 7")
    if found[-1] - found[0] >= _LONGEST:
        raise ValueError(f"{value!r} is a range of more than {_LONGEST:,} numbers")
    return found


def range_text(numbers: range) -> str:
    """Return *numbers* as `as_range` reads them: ``0-19``, or ``7`` where there is one number."""
    return f"{numbers.start}-{numbers[-1]}" if len(numbers) > 1 else str(numbers.start)


def ranges_of(numbers: Iterable[int]) -> Iterator[range]:
    """Yield the longest ranges that *numbers* fall into, in ascending order."""
    current = range(0)
    for number in sorted(set(numbers)):
        if current and number != current.stop:
            yield current
            current = range(0)
        current = range(current.start if current else number, number + 1)
    if current:
        yield current


Range = Annotated[range, PlainValidator(as_range), PlainSerializer(range_text)]
"""A range as a field of a pydantic model; in JSON it is its text."""
