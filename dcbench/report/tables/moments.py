"""Table 1 of the M3D paper: distances between moments of the features of condensed and real images, and accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from dcbench.report.tables.pivot import Wanted, in_order, notes_of, ranked, rows_of, table_of, tables_by, title_of

if TYPE_CHECKING:
    from dcbench.report.tables.model import Table

_TABLE = ["dataset", "ipc", "split"]
_DISTANCES = {"mean_distance": "mean", "variance_distance": "variance", "skewness_distance": "skewness"}


def moment_tables(summary: pd.DataFrame, wanted: Wanted | None = None) -> list[Table]:
    """Return one table for each dataset, IPC and split that was evaluated by ``moments``: methods are rows.

    Accuracies of the same sets stand beside the distances, one column for each protocol and network.
    """
    wanted = wanted or Wanted()
    distances = summary[summary["figure"].isin(list(_DISTANCES))]
    columns = distances["figure"].map(_DISTANCES) + " (" + distances["network"] + ")"
    accuracies = summary[(summary["evaluator"] == "accuracy") & summary["main"].astype(bool)]
    places = "accuracy (" + accuracies["protocol"] + ", " + accuracies["network"] + ")"
    shown = pd.concat([distances.assign(column=columns), accuracies.assign(column=places)])
    having = distances.groupby(_TABLE).groups
    return [
        _table(common, group, wanted) for common, group in tables_by(shown, _TABLE) if tuple(common.values()) in having
    ]


def _table(common: dict[str, Any], summary: pd.DataFrame, wanted: Wanted) -> Table:
    order = [*_DISTANCES.values(), "accuracy"]
    columns = sorted(summary["column"].unique(), key=lambda column: (order.index(column.split()[0]), column))
    rows = rows_of(ranked(summary, ["column"]), ["label"], "column", columns)
    labels = in_order(summary["label"], wanted.labels)
    ordered = dict(sorted(rows.items(), key=lambda row: labels.index(row[0][0])))
    title = title_of({"split": common["split"]}, "moments", f"{common['dataset']} ipc {common['ipc']}")
    notes = (
        *notes_of(summary, len(rows), failed=wanted.failed),
        "distances: between the features of condensed and training images, the less the better",
    )
    return table_of(title, ("method",), columns, ordered, notes)
