"""Spans: runs of consecutive whole numbers, written ``0-19`` or ``7``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator

_LONGEST = 10**6  # numbers in a span: classes or repeats; what is made of it is not to fill the memory
_TEXT = re.compile(r"(\d+)(?:-(\d+))?")


def as_span(value: range | str | int) -> range:
    """Return *value*, such as ``"0-19"`` (both ends included), ``7`` or ``range(20)``, as a span.

    Raises:
        ValueError: it is something else, empty, not consecutive, or of more than a million numbers.
    """
    if isinstance(value, range):
        span = value
    else:
        match = _TEXT.fullmatch(str(value).strip())
        span = range(int(match[1]), int(match[2] or match[1]) + 1) if match else range(0)
    if not span or span.step != 1 or span.start < 0:
        raise ValueError(f"{value!r} is no span such as 0-19 or 7")
    if span[-1] - span[0] >= _LONGEST:
        raise ValueError(f"{value!r} is a longer span than any of classes or repeats")
    return span


def span_text(span: range) -> str:
    """Return *span* as `as_span` reads it: ``0-19``, or ``7`` where it holds one number."""
    return f"{span.start}-{span[-1]}" if len(span) > 1 else str(span.start)


def spans_of(numbers: Iterable[int]) -> Iterator[range]:
    """Yield the longest spans that *numbers* fall into, in ascending order."""
    span = range(0)
    for number in sorted(set(numbers)):
        if span and number != span.stop:
            yield span
            span = range(0)
        span = range(span.start if span else number, number + 1)
    if span:
        yield span


Span = Annotated[range, PlainValidator(as_span), PlainSerializer(span_text)]
"""A span as a field of a pydantic model; in JSON it is its text."""
