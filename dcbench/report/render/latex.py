"""Tables as LaTeX for the booktabs package, by pandas."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from dcbench.report.render.text import EMPTY, all_lines, marking, parts

if TYPE_CHECKING:
    from dcbench.api.report import Table

_PAGE = 72
"""Characters in a line, blanks between columns included, that fit on a page of LaTeX's ``article``."""

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "\N{MINUS SIGN}": "$-$",
    "\N{EN DASH}": "--",
    "\N{EM DASH}": "---",
    "…": r"\ldots{}",
    "±": r"$\pm$",
    "·": r"$\cdot$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≠": r"$\neq$",
    "≈": r"$\approx$",
    "→": r"$\rightarrow$",
    "°": r"$^\circ$",
    "§": r"\S{}",
    "†": r"\dag{}",
    "‡": r"\ddag{}",
    "‖": r"$\|$",
    "¶": r"\P{}",
    "ß": r"\ss{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "œ": r"\oe{}",
    "Œ": r"\OE{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
} | {sign: f"\\{sign}" for sign in "&%$#_{}"}

_ACCENTS = {
    "\N{COMBINING GRAVE ACCENT}": "`",
    "\N{COMBINING ACUTE ACCENT}": "'",
    "\N{COMBINING CIRCUMFLEX ACCENT}": "^",
    "\N{COMBINING TILDE}": "~",
    "\N{COMBINING MACRON}": "=",
    "\N{COMBINING BREVE}": "u",
    "\N{COMBINING DOT ABOVE}": ".",
    "\N{COMBINING DIAERESIS}": '"',
    "\N{COMBINING RING ABOVE}": "r",
    "\N{COMBINING DOUBLE ACUTE ACCENT}": "H",
    "\N{COMBINING CARON}": "v",
    "\N{COMBINING DOT BELOW}": "d",
    "\N{COMBINING CEDILLA}": "c",
}

_CODE_POINT = r"\texttt{U+"
_REMARK = "% Signs that pdflatex does not know are written as their code points.\n"


def latex(tables: Sequence[Table]) -> str:
    """Return *tables* as LaTeX: the best is bold, the second underlined.

    A table wider than a page goes on in further ones, so that no number stands beyond the margin.
    """
    text = "\n".join(part for table in tables for part in _parts(table.printable())) or f"% {EMPTY}\n"
    return (_REMARK if _CODE_POINT in text else "") + text


def _parts(table: Table) -> Iterator[str]:
    label = "tab:" + re.sub("[^a-z0-9]+", "-", table.title.lower()).strip("-")
    for number, part in enumerate(parts(table, _PAGE), start=1):
        if number == 1:
            yield _latex(part, ". ".join([table.title, *table.notes]), label)
        else:
            yield _latex(part, f"{table.title}, continued", f"{label}-{number}")


def _latex(table: Table, caption: str, label: str) -> str:
    heads = [literal(text) for text in (*table.heads, *table.columns)]
    rows = all_lines(table, marking(r"\textbf{{{}}}", r"\underline{{{}}}", literal), literal)
    body = pd.DataFrame([_guarded(row) for row in rows], columns=_guarded(heads))
    layout = "l" * len(table.heads) + "r" * len(table.columns)
    return body.to_latex(
        index=False, escape=False, caption=literal(caption), label=label, column_format=layout, position="t"
    )


def _guarded(line: list[str]) -> list[str]:
    r"""Return *line* so that TeX does not read its beginning as an argument of the ``\\`` or the rule before it."""
    return ["{}" + line[0], *line[1:]] if line[0].startswith(("[", "*")) else line


def literal(text: str) -> str:
    r"""Return *text* so that LaTeX prints it as it is: ``a_b`` becomes ``a\_b``, and ``±`` becomes ``$\pm$``.

    A sign that pdflatex does not know becomes its code point, such as ``U+9CE5``.
    """
    composed = unicodedata.normalize("NFC", text)
    return re.sub(r"[^A-Za-z0-9 .,;:!?()\[\]'*/+=@`\"-]", lambda match: _escaped(match[0]), composed)


def _escaped(sign: str) -> str:
    if sign in _SPECIAL:
        return _SPECIAL[sign]
    decomposed = unicodedata.normalize("NFD", sign)
    letter, accent = decomposed[0], decomposed[1:]
    if letter.isascii() and accent in _ACCENTS:
        return f"\\{_ACCENTS[accent]}{{{letter}}}"
    return f"{_CODE_POINT}{ord(sign):04X}}}"
