"""Reports in the store: by value, with the digests of the cells they came from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dcbench.engine.store.hdf5 import put_array, put_facts, writing
from dcbench.report.render import RECORD

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


def store_report(path: Path, summary: pd.DataFrame, text: str) -> None:
    """Write a report to *path*: each column of *summary* as an array, and *text* as it was printed."""
    with writing(path, "report") as file:
        put_facts(file, {"made": datetime.now(UTC).isoformat(timespec="seconds")})
        put_array(file, "text", text)
        columns = file.create_group("columns")
        for column in [*RECORD, "digests"]:
            put_array(columns, column, summary[column].to_numpy())
