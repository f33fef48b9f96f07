"""What a command knows of the terminal that it prints to."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path


def is_terminal() -> bool:
    """Say whether standard output is a terminal; one that was closed is none."""
    return sys.stdout is not None and sys.stdout.isatty()


def terminal_width() -> int | None:
    """Return the width of the terminal in characters, or None where standard output goes elsewhere."""
    return shutil.get_terminal_size().columns if is_terminal() else None


def tell_written(path: Path, what: str = "") -> None:
    """Say on standard error that *path* was written, and *what* it holds: standard output may be read by a program."""
    click.echo(f"wrote {path}" + (f": {what}" if what else ""), err=True)
