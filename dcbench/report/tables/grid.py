"""The comparison table: rows are dataset x IPC, columns are methods."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from dcbench.report.ranks import ranked
from dcbench.report.summary import TABLE
from dcbench.report.tables.model import Table
from dcbench.report.tables.pivot import (
    Wanted,
    in_order,
    notes_of,
    references_of,
    rows_of,
    table_of,
    tables_by,
    title_of,
)

if TYPE_CHECKING:
    import pandas as pd


def grid_tables(
    summary: pd.DataFrame, wanted: Wanted | None = None, more: Mapping[str, str] = MappingProxyType({})
) -> list[Table]:
    """Return one table for each evaluator, metric, protocol, network and split in *summary* and in *wanted*.

    Args:
        summary: from `summarise`; with published numbers if `beside` has added them.
        wanted: the plan, or only an order of columns; without one, what is found is all that is told of.
        more: columns of *summary* that name a row as well, each with its head; for tables without a plan.
    """
    wanted = wanted or Wanted()
    groups = {tuple(common.values()): group for common, group in tables_by(summary, TABLE)}
    return [_table(names, groups.get(names, summary[:0]), wanted, more) for names in sorted({*groups, *wanted.cells})]


def _table(names: tuple[str, ...], summary: pd.DataFrame, wanted: Wanted, more: Mapping[str, str]) -> Table:
    planned = names in wanted.cells
    labels = {*summary["label"], *(wanted.labels if planned else ())}
    columns = in_order(labels, wanted.labels, references_of(summary))
    summary = ranked(summary, ["dataset", "ipc"])
    found = rows_of(summary, ["dataset", "ipc", *more], "label", columns)
    places = sorted({*found, *(wanted.rows if planned else ())})
    rows = {place: found.get(place, {}) for place in places}
    common = dict(zip(TABLE, names, strict=True))
    datasets = {dataset for dataset, *_ in rows}
    failed = wanted.failed_in([common["evaluator_label"]], dataset=datasets, split=[common["split"]])
    notes = notes_of(summary, expected=wanted.cells.get(names), failed=failed)
    return table_of(title_of(common), ("dataset", "IPC", *more.values()), columns, rows, notes)
