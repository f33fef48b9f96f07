"""Tables as GitHub markdown, by tabulate."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tabulate import tabulate

from dcbench.api.printable import printable
from dcbench.report.render.lines import EMPTY, all_lines, marking

if TYPE_CHECKING:
    from dcbench.report.tables.model import Table


def markdown(tables: Sequence[Table]) -> str:
    """Return *tables* as GitHub markdown: the best is bold, the second underlined by an HTML tag."""
    return "\n\n".join([_markdown(table.printable()) for table in tables] or [EMPTY]) + "\n"


def _markdown(table: Table) -> str:
    rows = all_lines(table, marking("**{}**", "<u>{}</u>"), literal)
    heads = [literal(text) for text in (*table.heads, *table.columns)]
    body = tabulate(rows, heads, "pipe", disable_numparse=True)
    return f"**{literal(table.title)}**\n\n{body}\n\n" + "\n\n".join(map(literal, table.notes))


def literal(text: str) -> str:
    """Return *text* so that markdown shows it as it is."""
    return re.sub(r"([|*_<>\[\]`\\])", r"\\\1", printable(text))
