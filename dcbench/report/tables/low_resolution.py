"""Table 2 of the M3D paper: rows are dataset x IPC, with the share of the training images that a set has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from dcbench.report.tables.grid import grid_tables

if TYPE_CHECKING:
    from dcbench.report.tables.model import Table
    from dcbench.report.tables.pivot import Wanted

RATIO = "ratio"
"""What `with_ratio` adds: condensed images in percent of the training images."""


def with_ratio(summary: pd.DataFrame) -> pd.DataFrame:
    """Return *summary*, from `summarise`, with `RATIO`; empty where the size of the data is not recorded.

    It is one for each dataset, split and IPC: that of the latest number which records it.
    """
    condensed, real = summary["ipc"].astype(float) * summary["classes"].astype(float), summary["train_images"]
    ratio = 100 * condensed / real.astype(float)
    keys = [summary[name] for name in ("dataset", "split", "ipc")]
    return summary.assign(**{RATIO: ratio.groupby(keys).transform("last")})


def low_resolution_tables(summary: pd.DataFrame, wanted: Wanted | None = None) -> list[Table]:
    """Return one table for each evaluator, metric, protocol, network and split in *summary*, from `with_ratio`."""
    shown = ["-" if pd.isna(ratio) else f"{ratio:.2g}" for ratio in summary[RATIO]]
    return grid_tables(summary.assign(shown_ratio=shown), wanted, {"shown_ratio": "ratio %"})
