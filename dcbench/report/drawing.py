"""Text as rich draws it, on no console in particular."""

from __future__ import annotations

import io
from typing import Any

import rich.text
from rich.console import Console, RenderableType

from dcbench.api.printable import printable

UNLIMITED = 100_000
"""Characters: for rich, a terminal that nothing is too wide for."""


class Text(rich.text.Text):
    """A text that may come from a stranger: what is no letter in it is shown as a code, before its width counts."""

    def __init__(self, text: str = "", *arguments: Any, **options: Any) -> None:
        """Take what `rich.text.Text` takes."""
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
