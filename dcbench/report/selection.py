"""What of a summary stands in tables, so that every form of a report holds the same numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dcbench.report.summary import entries
from dcbench.report.tables.pivot import anchor_of

if TYPE_CHECKING:
    import pandas as pd

    from dcbench.report.tables.model import Table


def shown_in(tables: Iterable[Table], summary: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of *summary* whose numbers stand in *tables*, which were made of it."""
    numbers = (number for table in tables for row in table.rows for number in row.numbers)
    anchors = {number.anchor for number in numbers if number is not None}
    return summary.loc[[anchor_of(entry) in anchors for entry in entries(summary)]]
