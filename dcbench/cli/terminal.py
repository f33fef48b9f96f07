"""What a command knows of the terminal that it prints to."""

from __future__ import annotations

import shutil
import sys


def terminal_width() -> int | None:
    """Return the width of the terminal in characters, or None where standard output goes elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
