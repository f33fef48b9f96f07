"""Tables: the grid, and the four tables of the M3D paper in their own shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcbench.report.tables.cross_architecture import cross_architecture_tables
from dcbench.report.tables.grid import grid_tables
from dcbench.report.tables.imagenet import imagenet_tables, with_times
from dcbench.report.tables.low_resolution import low_resolution_tables, with_ratio
from dcbench.report.tables.model import Number, Row, Table
from dcbench.report.tables.moments import moment_tables
from dcbench.report.tables.pivot import Wanted

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

_PHOTOGRAPHS = "idc-imagenet"

SUBJECT = {
    "table1": "what the evaluator moments measures",
    "table2": f"protocols other than {_PHOTOGRAPHS}, that of large images, unless --protocol names one",
    "table3": f"the protocol {_PHOTOGRAPHS}, that of large images, unless --protocol names another",
}
"""What those tables show that do not show everything, as `usual` and their makers have it."""


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


def completed(name: str, summary: pd.DataFrame, sets: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """Return *summary* with what the tables of this *name* show beside it.

    Args:
        name: one of `dcbench.report.names.TABLES`.
        summary: from `summarise`; with published numbers if `beside` has added them.
        sets: gives what `dcbench.report.results` knows of the condensed sets; called only where times are shown.
    """
    match name:
        case "table2":
            return with_ratio(summary)
        case "table3":
            return with_times(summary, sets())
        case _:
            return summary


def make_tables(name: str, summary: pd.DataFrame, wanted: Wanted | None = None) -> list[Table]:
    """Return the tables called *name*, from what *summary* holds.

    Args:
        name: ``grid``: methods over dataset x IPC. ``table1``: moment distances. ``table2``: as the grid, with the
            ratio. ``table3``: accuracy and condensing time. ``table4``: evaluation networks as columns.
        summary: from `completed`.
        wanted: in which order methods stand, and what is missing.
    """
    makers = {
        "grid": grid_tables,
        "table1": moment_tables,
        "table2": low_resolution_tables,
        "table3": imagenet_tables,
        "table4": cross_architecture_tables,
    }
    return makers[name](summary, wanted)


__all__ = ["SUBJECT", "Number", "Row", "Table", "Wanted", "completed", "make_tables", "usual"]
