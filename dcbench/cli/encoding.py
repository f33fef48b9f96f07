"""Standard streams that are not UTF-8: what they cannot write is replaced, and never ends a command."""

from __future__ import annotations

import codecs
import io
import sys

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
