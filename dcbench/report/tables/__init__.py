"""Tables: the grid, and the four tables of the M3D paper in their own shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcbench.report.tables.cross_architecture import cross_architecture_tables
from dcbench.report.tables.grid import grid_tables
from dcbench.report.tables.imagenet import imagenet_tables
from dcbench.report.tables.low_resolution import low_resolution_tables
from dcbench.report.tables.model import Number, Row, Table
from dcbench.report.tables.moments import moment_tables
from dcbench.report.tables.pivot import Wanted

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

NAMES = ("grid", "table1", "table2", "table3", "table4")
"""The tables there are; see `make_tables`."""

_PHOTOGRAPHS = "idc-imagenet"


def make_tables(
    name: str, summary: pd.DataFrame, sets: Callable[[], pd.DataFrame], wanted: Wanted | None = None
) -> list[Table]:
    """Return the tables called *name*, one of `NAMES`, from what *summary* holds.

    Args:
        name: ``grid``: methods over dataset x IPC. ``table1``: moment distances. ``table2``: as the grid, with the
            ratio. ``table3``: accuracy and condensing time. ``table4``: evaluation networks as columns.
        summary: from `summarise`.
        sets: gives what `dcbench.report.sets` knows of the condensed sets; called only where times are shown.
        wanted: in which order methods stand, and what is missing.
    """
    match name:
        case "table1":
            return moment_tables(summary, wanted)
        case "table2":
            return low_resolution_tables(summary, wanted)
        case "table3":
            return imagenet_tables(summary, sets(), wanted)
        case "table4":
            return cross_architecture_tables(summary, wanted)
        case _:
            return grid_tables(summary, wanted)


def usual(name: str, summary: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of *summary* that the paper's table of this *name* is about, when nobody says which."""
    accuracy, photographs = summary["evaluator"] == "accuracy", summary["protocol"] == _PHOTOGRAPHS
    match name:
        case "table2":
            return summary[accuracy & ~photographs]
        case "table3":
            return summary[accuracy & photographs]
        case "table4":
            return summary[accuracy]
        case _:
            return summary


__all__ = ["NAMES", "Number", "Row", "Table", "Wanted", "make_tables", "usual"]
