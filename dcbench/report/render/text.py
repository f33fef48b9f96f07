"""Tables as text: the lines of a table, for a terminal by rich, and as GitHub markdown by tabulate."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import rich.table
from rich.cells import cell_len
from rich.console import RenderableType
from rich.markup import escape
from tabulate import tabulate

from dcbench.api.texts import printable
from dcbench.report.ranks import TIE
from dcbench.report.text import UNLIMITED, Text, drawn

if TYPE_CHECKING:
    from dcbench.api.report import Number, Row, Table


EMPTY = "No finished cell stands in this table."

MISSING = "-"
"""The text in the place of a missing number."""

Literal = Callable[[str], str]
"""A function that escapes a text, so that it is shown unchanged."""


def all_lines(table: Table, number: Callable[[Number], str], literal: Literal) -> list[list[str]]:
    """Return every line of *table*."""
    return [line for row in table.rows for line in row_lines(row, number, literal)]


def row_lines(row: Row, number: Callable[[Number], str], literal: Literal) -> Iterator[list[str]]:
    """Yield the lines of *row*: what was measured, and below it what was published if anything was."""
    yield [*map(literal, row.names), *(MISSING if value is None else number(value) for value in row.numbers)]
    below = {
        "published": [value.published if value else "" for value in row.numbers],
        "difference": [signed(value.difference) if value else "" for value in row.numbers],
    }
    for name, texts in below.items():
        if any(texts):
            yield [name, *[""] * (len(row.names) - 1), *map(literal, texts)]


def parts(table: Table, width: int) -> Iterator[Table]:
    """Yield *table* in parts of as many columns as fit into *width* characters, but at least one."""

    def wide(*texts: str) -> int:
        return max(map(cell_len, texts)) + 3  # a space on both sides, and the line between columns

    texts = [[*table.heads, *table.columns], *all_lines(table, str, str)]
    columns = [wide(*column) for column in zip(*texts, strict=True)]
    names, columns = columns[: len(table.heads)], columns[len(table.heads) :]
    first, used = 0, 1 + sum(names)
    for column, needed in enumerate(columns):
        if used + needed > width and column > first:
            yield table.part(first, column)
            first, used = column, 1 + sum(names)
        used += needed
    yield table.part(first, len(table.columns))


def signed(difference: float | None) -> str:
    """Return a difference with its sign; empty if there is none."""
    if difference is None:
        return ""
    rounded = round(difference, 1) + 0.0  # with 0.0 added, zero has no minus
    return f"{rounded:+.1f}".replace("-", "\N{MINUS SIGN}")


def marking(best: str, second: str, literal: Literal = str) -> Callable[[Number], str]:
    """Return a function that writes a number, in the form *best* or *second* if that is its rank; ``{}`` is the number.

    A number that shares the first rank has a sign after it.
    """
    forms = {"best": best, "second": second, "tie": f"{{}} {TIE}", "": "{}"}

    def write(number: Number) -> str:
        return forms[number.rank].format(literal(str(number)))

    return write


_NUMBER = re.compile(r"[\d.]+|-")


def terminal(tables: Sequence[Table], *, width: int | None = None, colour: bool = False) -> str:
    """Return *tables* as text for a terminal; with *colour* the best is bold and the second underlined.

    A table wider than *width* goes on in parts below each other, each with its title, so that no number is cut off.
    """
    if not tables:
        return drawn(EMPTY)
    return drawn(*(piece for table in tables for piece in _pieces(table.printable(), width)), colour=colour)


def _pieces(table: Table, width: int | None) -> Iterator[RenderableType]:
    found = list(parts(table, width or UNLIMITED))
    for number, part in enumerate(found, start=1):
        which = f" (part {number} of {len(found)})" if len(found) > 1 else ""
        yield Text(f"{table.title}{which}", style="italic")
        yield _rich(part)
    for note in table.notes:
        yield Text(f"  {note}", style="dim")


def _rich(table: Table) -> rich.table.Table:
    grid = rich.table.Table()
    numeric = [all(_NUMBER.fullmatch(row.names[place]) for row in table.rows) for place in range(len(table.heads))]
    for head, right in zip(table.heads, numeric, strict=True):
        grid.add_column(Text(head), justify="right" if right else "left", no_wrap=True)
    for label in table.columns:
        grid.add_column(Text(label), justify="right", no_wrap=True)
    write = marking("[bold]{}[/bold]", "[underline]{}[/underline]")
    for row in table.rows:
        lines = list(row_lines(row, write, escape))
        for line in lines:
            grid.add_row(*map(Text.from_markup, line))
        if len(lines) > 1:
            grid.add_section()
    return grid


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
