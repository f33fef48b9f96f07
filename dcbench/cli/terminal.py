"""What a command knows of the terminal that it prints to."""

from __future__ import annotations

import os
import re
import shutil
import sys
from typing import TYPE_CHECKING, Any

import click

from dcbench.api.printable import printable

if TYPE_CHECKING:
    from pathlib import Path

_NARROWEST = 40
_COLOUR = re.compile(r"(\x1b\[[\d;]*m)")


def is_terminal() -> bool:
    """Say whether standard output is a terminal; one that was closed is none."""
    return sys.stdout is not None and sys.stdout.isatty()


def terminal_width() -> int | None:
    """Return the width of the terminal in characters, or None where standard output goes elsewhere."""
    return shutil.get_terminal_size().columns if is_terminal() else None


def table_width() -> int | None:
    """Return how many characters tables may be wide: as the terminal, elsewhere as COLUMNS says; None for no limit."""
    columns = os.environ.get("COLUMNS", "")
    width = terminal_width() or (int(columns) if columns.isdecimal() else 0)
    return max(width, _NARROWEST) if width else None


def tell_written(path: Path, what: str = "") -> None:
    """Say on standard error that *path* was written, and *what* it holds: standard output may be read by a program."""
    say(f"wrote {path}" + (f": {what}" if what else ""), err=True)


def say(text: object, *, err: bool = False, nl: bool = True, lines: bool = False, **style: Any) -> None:
    """Print *text*, which may come from a plug-in or a file of a stranger: a terminal obeys none of it.

    Args:
        text: one line; where *lines* is true, one or more.
        err: print to standard error.
        nl: end with the end of a line.
        lines: keep the ends of lines of *text*.
        style: see `click.secho`.
    """
    click.secho(printable(text, lines=lines), err=err, nl=nl, **style)


def show(document: str) -> None:
    """Print a *document* of tables, or a card, with the colours that `dcbench.report.text.drawn` gave it."""
    pieces = _COLOUR.split(document) if is_terminal() else [document]
    click.echo(
        "".join(each if place % 2 else printable(each, lines=True) for place, each in enumerate(pieces)), nl=False
    )
