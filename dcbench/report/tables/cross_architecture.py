"""Table 4 of the M3D paper: one condensed set, evaluated on several networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dcbench.report.ranks import ranked
from dcbench.report.tables.pivot import Wanted, in_order, notes_of, rows_of, table_of, tables_by, title_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from dcbench.report.tables.model import Table

_TABLE = ["evaluator_label", "metric", "protocol", "split"]
_ROW = ["dataset", "ipc", "label"]


def cross_architecture_tables(summary: pd.DataFrame, wanted: Wanted | None = None) -> list[Table]:
    """Return one table for each evaluator, metric, protocol and split in *summary*: networks are columns.

    Only sets that were evaluated on a network are shown; those condensed on other networks are named below.
    """
    wanted = wanted or Wanted()
    summary = summary[summary["network"] != ""]
    return [_table(common, group, wanted) for common, group in tables_by(summary, _TABLE)]


def _table(common: dict[str, Any], summary: pd.DataFrame, wanted: Wanted) -> Table:
    columns = sorted(summary["network"].unique(), key=lambda name: (not name.startswith("convnet"), name))
    summary = ranked(summary, ["dataset", "ipc", "network"])
    rows = rows_of(summary, _ROW, "network", columns)
    labels = in_order(summary["label"], wanted.labels)
    ordered = dict(sorted(rows.items(), key=lambda row: (*row[0][:2], labels.index(row[0][2]))))
    datasets = set(summary["dataset"])
    failed = wanted.failed_in([common["evaluator_label"]], dataset=datasets, split=[common["split"]])
    notes = (*notes_of(summary, failed=failed), *_condensed_on(summary))
    return table_of(title_of(common), ("dataset", "IPC", "method"), columns, ordered, notes)


def _condensed_on(summary: pd.DataFrame) -> Iterator[str]:
    networks: dict[str, list[str]] = {}
    for label, settings in zip(summary["label"], summary["settings"], strict=True):
        if "network" in settings:
            labels = networks.setdefault(settings["network"], [])
            labels += [label] if label not in labels else []
    if networks:
        yield "condensed on " + "; ".join(f"{name} ({', '.join(labels)})" for name, labels in networks.items())
