"""Tables for a terminal, drawn by rich."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import rich.table
from rich.cells import cell_len
from rich.console import RenderableType
from rich.markup import escape
from rich.text import Text

from dcbench.report.drawing import UNLIMITED, drawn
from dcbench.report.render.lines import EMPTY, all_lines, marking, row_lines

if TYPE_CHECKING:
    from dcbench.report.tables.model import Table

_NUMBER = re.compile(r"[\d.]+|-")


def terminal(tables: Sequence[Table], *, width: int | None = None, colour: bool = False) -> str:
    """Return *tables* as text for a terminal; with *colour* the best is bold and the second underlined.

    A table wider than *width* goes on in parts below each other, so that no number is ever cut off.
    """
    if not tables:
        return drawn(EMPTY)
    return drawn(*(piece for table in tables for piece in _pieces(table, width)), colour=colour)


def _pieces(table: Table, width: int | None) -> Iterator[RenderableType]:
    yield Text(table.title, style="italic")
    for part in _parts(table, width or UNLIMITED):
        yield _rich(part)
    for note in table.notes:
        yield Text(f"  {note}", style="dim")


def _parts(table: Table, width: int) -> Iterator[Table]:
    """Yield *table* in parts of as many columns as fit into *width*, but at least one."""

    def wide(*texts: str) -> int:
        return max(map(cell_len, texts)) + 3  # a space on both sides, and the line between columns

    columns = [wide(*texts) for texts in zip(*_texts(table), strict=True)]
    names, columns = columns[: len(table.heads)], columns[len(table.heads) :]
    first, used = 0, 1 + sum(names)
    for place, needed in enumerate(columns):
        if used + needed > width and place > first:
            yield table.part(first, place)
            first, used = place, 1 + sum(names)
        used += needed
    yield table.part(first, len(table.columns))


def _texts(table: Table) -> list[list[str]]:
    return [[*table.heads, *table.columns], *all_lines(table, str, str)]


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
