"""Summaries as CSV and JSON records."""

from __future__ import annotations

import json as json_format
import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dcbench.api.texts import printable
from dcbench.report.published import FIELDS

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
    "metric",
    "unit",
    "budget_exempt",
]
"""Fields of every record."""

_FORMER = {"figure": "metric", "kind": "unit", "reference": "budget_exempt"}
"""Fields whose names are older than the words of today, which stand next to them."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001  (some programs take these too)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def csv(summary: pd.DataFrame, fields: Sequence[str] = ()) -> str:
    """Return a summary as CSV, one line per number. Arguments are those of `records`."""
    return as_csv(records(summary, fields))


def as_csv(table: pd.DataFrame) -> str:
    """Return *table* as CSV. A text that a spreadsheet would take for a formula begins with an apostrophe."""
    return table.map(_cell).to_csv(index=False)


def _cell(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    formula = value.startswith(_FORMULA) and not _NUMBER.fullmatch(value)
    return printable(f"'{value}" if formula else value)


def json(summary: pd.DataFrame, fields: Sequence[str] = ()) -> str:
    """Return a summary as a JSON list of records. Arguments are those of `records`."""
    found = as_records(records(summary, fields))
    return printable(json_format.dumps(found, indent=1, ensure_ascii=False), lines=True) + "\n"


def as_records(table: pd.DataFrame) -> list[dict[Any, Any]]:
    """Return the rows of *table* as JSON takes them, to the last bit; None for a missing value and for NaN."""
    known = table.notna() & ~table.isin([math.inf, -math.inf])
    return table.astype(object).where(known, None).to_dict("records")


def records(summary: pd.DataFrame, fields: Sequence[str] = ()) -> pd.DataFrame:
    """Return the fields of *summary* that others may rely on, in a fixed order.

    Args:
        summary: the numbers of a report.
        fields: what the kind of report adds, `ReportLayout.fields`; they stand before those of published numbers.
    """
    former = {name: summary[now] for name, now in _FORMER.items()}
    found = [*RECORD, *(name for name in (*fields, *FIELDS) if name in summary)]
    return summary.assign(**former)[found].sort_values(
        ["dataset", "ipc", "label", "protocol", "network", "metric"], kind="stable"
    )
