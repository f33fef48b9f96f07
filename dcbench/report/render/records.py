"""Summaries as CSV and JSON records."""

from __future__ import annotations

import json as json_format
import math
from typing import TYPE_CHECKING, Any

from dcbench.report.beside import FIELDS
from dcbench.report.tables.imagenet import TIMES
from dcbench.report.tables.low_resolution import RATIO

if TYPE_CHECKING:
    import pandas as pd

RECORD = [
    "dataset",
    "method",
    "label",
    "ipc",
    "protocol",
    "network",
    "evaluator",
    "evaluator_label",
    "figure",
    "mean",
    "std",
    "n",
    "cells",
    "split",
    "kind",
    "reference",
    "fewest",
    "most",
    "older",
    "variant",
    "digests",
    "superseded",
]
"""Fields of every record."""

EXTRA = (RATIO, *FIELDS, *TIMES)
"""Fields that follow where they are known: the ratio in table2, published numbers, and times in table3."""


def csv(summary: pd.DataFrame) -> str:
    """Return a summary as CSV, one line per number."""
    return records(summary).to_csv(index=False)


def json(summary: pd.DataFrame) -> str:
    """Return a summary as a JSON list of records."""
    return json_format.dumps(as_records(records(summary)), indent=1, ensure_ascii=False) + "\n"


def as_records(table: pd.DataFrame) -> list[dict[Any, Any]]:
    """Return the rows of *table* as JSON takes them, to the last bit; None for what is missing, or is no number."""
    known = table.notna() & ~table.isin([math.inf, -math.inf])
    return table.astype(object).where(known, None).to_dict("records")


def records(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the fields of *summary* that others may rely on, in a fixed order."""
    fields = [*RECORD, *(name for name in EXTRA if name in summary)]
    return summary[fields].sort_values(["dataset", "ipc", "label", "protocol", "network", "figure"], kind="stable")
