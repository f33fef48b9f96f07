"""Reports in the store: by value, with the digests of the cells they came from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dcbench.engine.store.hdf5 import put_array, put_facts, writing
from dcbench.report.render import RECORD

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from dcbench.engine.store.layout import Layout


def store_report(layout: Layout, name: str, summary: pd.DataFrame, text: str) -> Path:
    """Write a report to ``reports/<name>.h5``: each column of *summary* as an array, and *text* as it was printed."""
    path = layout.report(name)
    with writing(path, "report") as file:
        put_facts(file, {"name": name, "text": text, "made": datetime.now(UTC).isoformat(timespec="seconds")})
        columns = file.create_group("columns")
        for column in [*RECORD, "digests"]:
            put_array(columns, column, summary[column].to_numpy())
    return path
