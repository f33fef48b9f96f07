"""Reports: what a table is, how a plug-in lays tables out, and the published numbers that a plug-in brings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from dcbench.api.evaluator import Unit
from dcbench.api.texts import printable

if TYPE_CHECKING:
    import pandas as pd

Rank = Literal["best", "second", "tie", ""]
"""The rank of a number among those that it competes with."""

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
    """The published number with its marks, which stands below; empty if there is none, or if none is wanted."""
    difference: float | None = None
    """Mean minus published number, if the two may be compared."""
    counts: str = ""
    """Sets and repeats of each, as `counted` writes them; empty where only ``n`` is known."""
    sets: int | None = None
    """Condensed sets behind it, where that is known."""
    entry: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    """The row of the summary that it prints; None for a number that is derived, such as a time."""

    def __str__(self) -> str:
        if self.unit == "seconds":
            return duration(self.mean)
        std = f"{self.std:.1f}" if self.unit == "percent" else f"{self.std:.2g}"
        spread = spread_text(std, self.sets, self.n)
        return f"{printed(self.mean, self.unit)}{spread} ({self.counts or self.n})"

    @property
    def anchor(self) -> str:
        """The name of the section of a page that shows where the number is from; empty if there is none."""
        return "" if self.entry is None else f"n{self.entry['row']}"


@dataclass(frozen=True)
class Row:
    """A row: its names, and a number or None for each column."""

    names: tuple[str, ...]
    numbers: tuple[Number | None, ...]


@dataclass(frozen=True)
class Table:
    """A table, before it is rendered."""

    title: str
    heads: tuple[str, ...]
    """What the names of a row are, such as dataset and IPC."""
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    """Lines below the table: coverage, failures, what is left out, what is known of published numbers."""

    def entries(self) -> list[Mapping[str, Any]]:
        """Return the rows of the summary that the table prints, in the order of the summary."""
        numbers = (number for row in self.rows for number in row.numbers if number is not None)
        found = {number.entry["row"]: number.entry for number in numbers if number.entry is not None}
        return [found[row] for row in sorted(found)]

    def printable(self) -> Table:
        """Return this table with texts that only show: see `dcbench.api.texts`."""
        rows = tuple(replace(row, names=tuple(map(printable, row.names))) for row in self.rows)
        heads, columns, notes = (tuple(map(printable, texts)) for texts in (self.heads, self.columns, self.notes))
        return replace(self, title=printable(self.title), heads=heads, columns=columns, rows=rows, notes=notes)

    def part(self, first: int, stop: int) -> Table:
        """Return this table with columns *first* to *stop* - 1 only."""
        rows = tuple(Row(row.names, row.numbers[first:stop]) for row in self.rows)
        return replace(self, columns=self.columns[first:stop], rows=rows)


class ReportLayout:
    """How a report chooses numbers and arranges them in tables. Made without arguments; it holds no state.

    The defaults are those of the grid: a table for each evaluator, metric, protocol, network and split; a row for each
    dataset and IPC; a column for each method. A layout overrides what differs. The methods are called in this order:
    `select`, `prepare`, `order_columns` for each table, `finish` for each table.

    A *summary* is a `pandas.DataFrame` with one row for each number. Its columns are those of JSON
    (docs/reference/json.md) and: ``main`` (whether tables show the metric unless they show all), ``settings`` and
    ``overrides`` of the method (dicts), ``classes`` and ``train_images`` (counts of what was condensed), ``digests``
    (the cells, joined by spaces) and ``row`` (what identifies the row; keep it).
    """

    subject: ClassVar[str] = ""
    """What the report is about if it does not show everything. The line that explains an empty report has it."""
    without_protocol: ClassVar[bool] = False
    """Whether ``--protocol`` keeps the metrics of evaluators that follow no protocol."""
    whole: ClassVar[Sequence[str]] = ()
    """Evaluators all of whose metrics are shown. Of any other the main metric is shown."""
    fields: ClassVar[Sequence[str]] = ()
    """Columns that `prepare` adds and that CSV and JSON hold too."""
    common: ClassVar[Sequence[str]] = ("evaluator_label", "metric", "protocol", "network", "split")
    """Columns of the summary in which all numbers of one table agree."""
    names: ClassVar[Mapping[str, str]] = {"dataset": "dataset", "ipc": "IPC"}
    """Columns of the summary that name a row, each with the head that tables show."""
    column: ClassVar[str] = "label"
    """Column of the summary that names a column. Numbers of one row compete where it is ``label``, and numbers of one
    column where ``label`` names rows."""

    def select(self, summary: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of *summary* that the report is about where the user chose no protocol and no evaluator."""
        return summary

    def prepare(
        self,
        summary: pd.DataFrame,
        sets: Callable[[], pd.DataFrame],
    ) -> pd.DataFrame:
        """Return *summary* with the columns that this layout needs, and without rows that it does not show.

        Args:
            summary: after `select`, with published numbers if they are wanted.
            sets: returns the condensed sets of the results folder, a row each: ``digest``, ``seconds``, ``device``,
                ``origin`` (None unless the set was imported) and others. Call it only if they are needed.
        """
        return summary

    def order_columns(self, names: Sequence[str]) -> list[str]:
        """Return the columns of one table in order. It is called where `column` is not ``label``."""
        return sorted(names)

    def finish(self, table: Table) -> Table:
        """Return *table* as it is shown: with another title, more rows or more notes. Each number has its `entry`."""
        return table


@dataclass(frozen=True, kw_only=True)
class PublishedNumbers:
    """The published numbers of one paper, for ``dcbench report --published``.

    A number stands below a measured one of the same dataset, IPC, method, network, evaluator and metric, measured on
    the test split with the recommended settings, or with all of them but the number of iterations.
    """

    source: str
    """Where the numbers are from, such as ``arXiv 2312.15927``."""
    numbers: pd.DataFrame
    """A row for each number. Columns that name it: ``dataset``, ``ipc``, ``method``, ``network``, ``evaluator``,
    ``metric``; ``published``, the number. What is known of it, missing where it is not: ``std``, ``sets`` and
    ``networks_per_set`` (what it is the mean of), ``protocol``, ``selection`` (how the epoch was picked),
    ``iterations``, ``seconds`` (the time of condensing) and ``note``."""
    selections: Mapping[str, str] = field(default_factory=dict)
    """How a metric of dcbench picks the epoch, in the words of ``selection``."""
    datasets: Mapping[str, str] = field(default_factory=dict)
    """Datasets of dcbench that are made from one of the paper. Numbers of the paper stand below theirs under a mark."""
    networks: Mapping[str, str] = field(default_factory=dict)
    """Networks of dcbench that the paper has under another name."""
    variants: Mapping[str, Mapping[str, Mapping[Any, str]]] = field(default_factory=dict)
    """Settings of a method under which the paper has it by another name: ``{"dm": {"order": {2: "dm+2nd"}}}``."""
    notes: Mapping[Unit, str] = field(default_factory=dict)
    """A line below tables with published numbers of that unit, in the place of the usual one."""


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


def spread_text(std: str, sets: int | None, n: int) -> str:
    """Return a deviation as it follows its mean: ``± 1.6`` over sets, ``(±1.6)`` over the networks of one set.

    One value has no deviation.
    """
    if n == 1:
        return ""
    return f" (±{std})" if sets == 1 else f" ± {std}"
