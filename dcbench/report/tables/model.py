"""What a table is, whoever renders it: numbers in rows, with names before them and notes below."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from dcbench.api.evaluator import Unit
from dcbench.api.printable import printable
from dcbench.report.summary import spread_text

Rank = Literal["best", "second", "tie", ""]
"""How a number did among those it competes with; see `dcbench.report.ranks`."""

_HOUR, _MINUTE = 3600, 60


@dataclass(frozen=True)
class Number:
    """One entry of a table."""

    mean: float
    std: float
    n: int
    """Values behind it: repeats of all sets, or sets for a time."""
    rank: Rank = ""
    unit: Unit | Literal["seconds"] = "percent"
    published: str = ""
    """The published number with its marks, to stand below; empty if there is none, or if none is wanted."""
    difference: float | None = None
    """Mean minus published number, if the two may be compared."""
    anchor: str = ""
    """Where a page tells what is behind it."""
    counts: str = ""
    """Sets and repeats of each, as `counted` writes them; empty where only ``n`` is known."""
    sets: int | None = None
    """Condensed sets behind it, where that is known."""

    def __str__(self) -> str:
        if self.unit == "seconds":
            return duration(self.mean)
        std = f"{self.std:.1f}" if self.unit == "percent" else f"{self.std:.2g}"
        spread = spread_text(std, self.sets, self.n)
        return f"{printed(self.mean, self.unit)}{spread} ({self.counts or self.n})"


@dataclass(frozen=True)
class Row:
    """A row: its names, and a number or None for each column."""

    names: tuple[str, ...]
    numbers: tuple[Number | None, ...]


@dataclass(frozen=True)
class Table:
    """A table ready to be rendered."""

    title: str
    heads: tuple[str, ...]
    """What the names of a row are, such as dataset and IPC."""
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    """Lines below the table: coverage, failures, what was left out, what is known of published numbers."""

    def printable(self) -> Table:
        """Return this table with texts that do nothing to what shows them, see `dcbench.api.printable`."""
        rows = tuple(replace(row, names=tuple(map(printable, row.names))) for row in self.rows)
        heads, columns, notes = (tuple(map(printable, texts)) for texts in (self.heads, self.columns, self.notes))
        return replace(self, title=printable(self.title), heads=heads, columns=columns, rows=rows, notes=notes)

    def part(self, first: int, stop: int) -> Table:
        """Return this table with columns *first* to *stop* - 1 only."""
        rows = tuple(Row(row.names, row.numbers[first:stop]) for row in self.rows)
        return replace(self, columns=self.columns[first:stop], rows=rows)


def printed(mean: float, unit: Unit) -> str:
    """Return *mean* as tables print it: a percentage to a tenth, a distance to three digits."""
    return f"{mean:.1f}" if unit == "percent" else f"{mean:.3g}"


def counted(sets: int, fewest: int, most: int) -> str:
    """Return *sets* x the repeats of each: ``5x1``, or ``2x1-9`` where one set has 1 and the other 9."""
    return f"{sets}x{fewest}" if fewest == most else f"{sets}x{fewest}-{most}"


def duration(seconds: float) -> str:
    """Return *seconds* in the unit that reads best: ``4.2 s``, ``12.5 min`` or ``1.3 h``."""
    if seconds >= _HOUR:
        return f"{seconds / _HOUR:.1f} h"
    if seconds >= 2 * _MINUTE:
        return f"{seconds / _MINUTE:.1f} min"
    return f"{seconds:.1f} s"
