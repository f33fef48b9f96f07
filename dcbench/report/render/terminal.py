"""Tables for a terminal, drawn by rich."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import rich.table
from rich.console import RenderableType
from rich.markup import escape

from dcbench.report.drawing import UNLIMITED, Text, drawn
from dcbench.report.render.lines import EMPTY, marking, parts, row_lines

if TYPE_CHECKING:
    from dcbench.report.tables.model import Table

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
