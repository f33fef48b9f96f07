"""Texts for people: counts in words, and texts of others so that a terminal or a document only shows them."""

from __future__ import annotations

import json
import re

# Control characters (C0, C1), what turns the direction of writing, line separators, invisible tags, lone surrogates.
_CONTROLS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_SHORT = {"\n": r"\n", "\t": r"\t", "\r": r"\r"}


def printable(text: object, *, lines: bool = False) -> str:
    r"""Return *text* with a code that can be seen in the place of each control character, such as ``\u001b``.

    The codes are those of JSON, so that JSON with such characters stays JSON, and means the same.

    An escape sequence could clear a terminal or write into its title, and a mark that turns the direction of writing
    makes a text read as another.

    Args:
        text: a text, or what is written as one.
        lines: keep the ends of lines, and tabs. Without it the text stays one line.
    """

    def code(match: re.Match[str]) -> str:
        sign = match[0]
        if lines and sign in "\n\t":
            return sign
        return _SHORT.get(sign) or json.dumps(sign)[1:-1]

    return _CONTROLS.sub(code, str(text))


def plural(number: int, noun: str) -> str:
    """Return *number* with *noun*, which takes an s unless there is one: ``1 cell``, ``0 cells``, ``1,200 images``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
