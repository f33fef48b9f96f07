"""Text as rich renders it, without a console, and a curve in one line of text."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

import rich.text
from rich.console import Console, RenderableType

from dcbench.api.texts import printable

UNLIMITED = 100_000
"""Characters; the width of a terminal without a limit, for rich."""


class Text(rich.text.Text):
    """A text of a plug-in or of a file: control characters are shown as codes, which count for the width."""

    def __init__(self, text: str = "", *arguments: Any, **options: Any) -> None:
        """Take the arguments of `rich.text.Text`."""
        super().__init__(printable(text, lines=True), *arguments, **options)


def drawn(*content: RenderableType, width: int | None = None, colour: bool = False) -> str:
    """Return *content* as text, without blanks at the ends of lines.

    Args:
        content: what `rich.console.Console.print` takes; texts are shown as they are, brackets too.
        width: of the terminal in characters; None for no limit.
        colour: write control sequences for bold, dim and colours.
    """
    file = io.StringIO()
    console = Console(file=file, width=width or UNLIMITED, force_terminal=colour, no_color=not colour, highlight=False)
    for each in content:
        console.print(Text(each) if isinstance(each, str) else each, markup=False)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


_BLOCKS = "▁▂▃▄▅▆▇█"
_NOT_FINITE = "!"
_DECADES = 2  # between the least and the largest value, from which the scale is logarithmic


def sparkline(values: Sequence[float], width: int = 48) -> str:
    """Return *values*, in order, as blocks between the least and the largest; the mean of neighbours beyond *width*.

    The scale is that of `is_logarithmic`. A value that is not finite, or a mean over one, is an exclamation mark.
    """
    scaled = [math.log10(value) if is_logarithmic(values) and math.isfinite(value) else value for value in values]
    means = [sum(part) / len(part) for part in _parts(scaled, width)]
    finite = [value for value in means if math.isfinite(value)]
    low, span = min(finite, default=0.0), max(finite, default=0.0) - min(finite, default=0.0)
    return "".join(
        _BLOCKS[round((value - low) / (span or 1) * (len(_BLOCKS) - 1))] if math.isfinite(value) else _NOT_FINITE
        for value in means
    )


def is_logarithmic(values: Sequence[float]) -> bool:
    """Return whether the finite ones among *values* are positive and span at least two decades."""
    finite = [value for value in values if math.isfinite(value)]
    return bool(finite) and min(finite) > 0 and max(finite) >= min(finite) * 10**_DECADES


def _parts(values: Sequence[float], most: int) -> list[Sequence[float]]:
    """Return *values* cut into at most *most* parts of nearly equal length."""
    count = min(len(values), most)
    return [values[len(values) * part // count : len(values) * (part + 1) // count] for part in range(count)]
