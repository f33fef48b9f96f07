"""What every renderer does alike: the lines of a table as texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rich.cells import cell_len

from dcbench.report.tables.ranks import TIE

if TYPE_CHECKING:
    from dcbench.report.tables.model import Number, Row, Table

EMPTY = "No finished cell stands in this table."

MISSING = "-"
"""What stands where there is no number."""

Literal = Callable[[str], str]
"""Returns a text so that it is shown as it is."""


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
    """Return a difference with its sign, or nothing where there is none."""
    if difference is None:
        return ""
    rounded = round(difference, 1) + 0.0  # with 0.0 added, zero has no minus
    return f"{rounded:+.1f}".replace("-", "\N{MINUS SIGN}")


def marking(best: str, second: str, literal: Literal = str) -> Callable[[Number], str]:
    """Return what writes a number, in the form *best* or *second* (with ``{}`` for the number) if that is its rank.

    One that shares the first rank has a sign after it.
    """
    forms = {"best": best, "second": second, "tie": f"{{}} {TIE}", "": "{}"}

    def write(number: Number) -> str:
        return forms[number.rank].format(literal(str(number)))

    return write
