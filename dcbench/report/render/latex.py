"""Tables as LaTeX for the booktabs package, by pandas."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from dcbench.report.render.lines import EMPTY, all_lines, marking

if TYPE_CHECKING:
    from dcbench.report.tables.model import Table

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "\N{MINUS SIGN}": "$-$",
    "±": r"$\pm$",
    "·": r"$\cdot$",
    "§": r"\S{}",
    "†": r"\dag{}",
    "‡": r"\ddag{}",
    "‖": r"$\|$",
    "¶": r"\P{}",
}


def latex(tables: Sequence[Table]) -> str:
    """Return *tables* as LaTeX: the best is bold, the second underlined."""
    return "\n".join(map(_latex, tables)) or f"% {EMPTY}\n"


def _latex(table: Table) -> str:
    rows = all_lines(table, marking(r"\textbf{{{}}}", r"\underline{{{}}}", literal), literal)
    body = pd.DataFrame(rows, columns=[literal(text) for text in (*table.heads, *table.columns)])
    caption = literal(". ".join([table.title, *table.notes]))
    layout = "l" * len(table.heads) + "r" * len(table.columns)
    return body.to_latex(index=False, escape=False, caption=caption, column_format=layout, position="t")


def literal(text: str) -> str:
    r"""Return *text* so that LaTeX prints it as it is: ``a_b`` becomes ``a\_b``, and ``±`` becomes ``$\pm$``."""
    return re.sub(r"[^\w\s.,;:!?()\[\]'*/+=@`\"-]|_", lambda match: _escaped(match[0]), text)


def _escaped(sign: str) -> str:
    return _SPECIAL.get(sign, "\\" + sign if sign in "&%$#_{}" else sign)
