"""Table 2 of the M3D paper: rows are dataset x IPC, with the share of the training images that a set has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from dcbench.report.summary import TABLE
from dcbench.report.tables.pivot import (
    Wanted,
    in_order,
    notes_of,
    ranked,
    references_of,
    rows_of,
    table_of,
    tables_by,
    title_of,
)

if TYPE_CHECKING:
    from dcbench.report.tables.model import Table

RATIO = "ratio"
"""What `with_ratio` adds: condensed images in percent of the training images."""

_ROW = ["dataset", "ipc", "shown_ratio"]


def with_ratio(summary: pd.DataFrame) -> pd.DataFrame:
    """Return *summary*, from `summarise`, with `RATIO`; empty where the size of the data is not recorded."""
    condensed, real = summary["ipc"].astype(float) * summary["classes"].astype(float), summary["train_images"]
    return summary.assign(**{RATIO: 100 * condensed / real.astype(float)})


def low_resolution_tables(summary: pd.DataFrame, wanted: Wanted | None = None) -> list[Table]:
    """Return one table for each evaluator, figure, protocol, network and split in *summary*, from `with_ratio`."""
    wanted = wanted or Wanted()
    summary = summary.assign(shown_ratio=["-" if pd.isna(ratio) else f"{ratio:.2g}" for ratio in summary[RATIO]])
    return [_table(common, group, wanted) for common, group in tables_by(summary, TABLE)]


def _table(common: dict[str, Any], summary: pd.DataFrame, wanted: Wanted) -> Table:
    columns = in_order(summary["label"], wanted.labels, references_of(summary))
    rows = rows_of(ranked(summary, ["dataset", "ipc"]), _ROW, "label", columns)
    notes = notes_of(summary, len(rows) * len(columns), failed=wanted.failed)
    return table_of(title_of(common), ("dataset", "IPC", "ratio %"), columns, dict(sorted(rows.items())), notes)
