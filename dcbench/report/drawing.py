"""Text as rich draws it, on no console in particular."""

from __future__ import annotations

import io

from rich.console import Console, RenderableType

UNLIMITED = 100_000
"""Characters: for rich, a terminal that nothing is too wide for."""


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
        console.print(each, markup=False)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"
