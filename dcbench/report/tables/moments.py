"""Table 1 of the M3D paper: distances between moments of the features of condensed and real images, and accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from dcbench.report.ranks import ranked
from dcbench.report.summary import entries
from dcbench.report.tables.pivot import Wanted, in_order, notes_of, rows_of, table_of, tables_by, title_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dcbench.report.tables.model import Table

_TABLE = ["dataset", "ipc", "split"]
_PLAIN = ("moments", "accuracy")
_DISTANCES = {"mean_distance": "mean", "variance_distance": "variance", "skewness_distance": "skewness"}


def moment_tables(summary: pd.DataFrame, wanted: Wanted | None = None) -> list[Table]:
    """Return one table for each dataset, IPC and split that was evaluated by ``moments``: methods are rows.

    Accuracies of the same sets stand beside the distances, one column for each protocol and network. An evaluator with
    settings of its own, such as ``moments[draws=1]``, has columns of its own.
    """
    wanted = wanted or Wanted()
    distances = summary[summary["metric"].isin(list(_DISTANCES))]
    accuracies = summary[(summary["evaluator"] == "accuracy") & summary["main"].astype(bool)]
    shown = pd.concat([distances, accuracies])
    shown = shown.assign(column=[_column(entry) for entry in entries(shown)])
    having = distances.groupby(_TABLE).groups
    return [
        _table(common, group, wanted) for common, group in tables_by(shown, _TABLE) if tuple(common.values()) in having
    ]


def _column(entry: Mapping[str, Any]) -> str:
    """Return the title of the column of *entry*: its metric, and what numbers below one another have in common."""
    label = entry["evaluator_label"]
    common = ("" if label in _PLAIN else label, entry["protocol"], entry["network"])
    return f"{_DISTANCES.get(entry['metric'], 'accuracy')} ({', '.join(filter(None, common))})"


def _table(common: dict[str, Any], summary: pd.DataFrame, wanted: Wanted) -> Table:
    order = [*_DISTANCES.values(), "accuracy"]
    columns = sorted(summary["column"].unique(), key=lambda column: (order.index(column.split()[0]), column))
    summary = ranked(summary, ["column"])
    rows = rows_of(summary, ["label"], "column", columns)
    labels = in_order(summary["label"], wanted.labels)
    ordered = dict(sorted(rows.items(), key=lambda row: labels.index(row[0][0])))
    title = title_of({"split": common["split"]}, "moments", f"{common['dataset']} ipc {common['ipc']}")
    place = {name: [value] for name, value in common.items()}
    notes = (
        *notes_of(summary, failed=wanted.failed_in(summary["evaluator_label"], **place)),
        "distances: between the features of condensed and training images, the less the better",
    )
    return table_of(title, ("method",), columns, ordered, notes)
