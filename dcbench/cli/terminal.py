"""The terminal that a command prints to: its width, and what of a text it may and can show."""

from __future__ import annotations

import codecs
import io
import os
import re
import shutil
import sys
from typing import TYPE_CHECKING, Any

import click

from dcbench.api.texts import printable

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


_HANDLER, _ASCII = "dcbench_plain", "dcbench_ascii"

_PLAIN = str.maketrans(
    {
        **dict.fromkeys("┏┓┗┛┌┐└┘├┤┬┴┼┡┩╇╈┳┻╋┠┨┯┷┿", "+"),
        **dict.fromkeys("━─╸╺╴╶", "-"),
        **dict.fromkeys("┃│", "|"),
        "±": "~",
        "\N{MINUS SIGN}": "-",
        "\N{EN DASH}": "-",
        "\N{EM DASH}": "-",
        "\N{MULTIPLICATION SIGN}": "x",
        "·": "-",
        "…": "...",
        "→": "->",
        "≥": ">=",
        "≤": "<=",
        "✓": "+",
        "✗": "x",
        "†": "[1]",
        "‡": "[2]",
        "‖": "[3]",
        "¶": "[4]",
        "§": "[5]",
    }
)
"""Signs that dcbench writes, each in ASCII; borders and ± keep their width, so that tables stay straight."""


def tolerate_streams() -> None:
    """Let standard output and error replace what their encoding lacks, instead of raising."""
    codecs.register_error(_HANDLER, _replaced)
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream, io.TextIOWrapper) or codecs.lookup(stream.encoding).name == "utf-8":
            continue
        if codecs.lookup(stream.encoding).name == "ascii":
            # click takes a stream that calls itself ASCII for a wrong setting, and writes UTF-8 to it.
            codecs.register(_find)
            stream.reconfigure(encoding=_ASCII, errors=_HANDLER)
        else:
            stream.reconfigure(errors=_HANDLER)


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(_PLAIN)
    return text.encode("ascii", "backslashreplace").decode("ascii"), error.end


def _find(name: str) -> codecs.CodecInfo | None:
    if name != _ASCII:
        return None
    plain = codecs.lookup("ascii")
    return codecs.CodecInfo(
        plain.encode,
        plain.decode,
        plain.streamreader,
        plain.streamwriter,
        plain.incrementalencoder,
        plain.incrementaldecoder,
        name=_ASCII,
    )
