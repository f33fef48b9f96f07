"""Table 3 of the M3D paper: accuracy and condensing time, with the device named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from dcbench.report.beside import SOURCE, published_hours
from dcbench.report.ranks import ranked
from dcbench.report.summary import TABLE, entries
from dcbench.report.tables.model import Number, duration
from dcbench.report.tables.pivot import (
    Wanted,
    in_order,
    notes_of,
    references_of,
    rows_of,
    table_of,
    tables_by,
    title_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dcbench.report.tables.model import Table

TIMES = ("seconds", "device", "published_seconds")
"""What `with_times` adds: mean seconds to condense one set, on which devices, and in the paper."""

_HOUR = 3600


def with_times(summary: pd.DataFrame, sets: pd.DataFrame) -> pd.DataFrame:
    """Return *summary* with `TIMES`; empty where a set was made elsewhere or is not there, or none is published.

    Args:
        summary: from `summarise`; with published numbers if `beside` has added them.
        sets: from `dcbench.report.results`: how long each set took, and on what.
    """
    made = sets[sets["origin"].isna()].set_index("digest")
    own = [made.reindex(digests.split()) for digests in summary["digests"]]
    hours = published_hours()
    published = [_published(entry, hours) for entry in entries(summary)]
    # The mean over some of the sets would pass for that over all of them.
    seconds = [rows["seconds"].astype(float).mean(skipna=False) for rows in own]
    return summary.assign(
        seconds=pd.Series(seconds, summary.index, dtype=float),
        device=[", ".join(map(str, rows["device"].dropna().unique())) for rows in own],
        published_seconds=pd.Series(published, summary.index, dtype=float),
    )


def _published(entry: Mapping[str, Any], hours: Mapping[tuple[str, int, str], float]) -> float | None:
    """Return the seconds that the paper has for *entry*, if it has its accuracy too."""
    if pd.isna(entry.get("published")):
        return None
    found = hours.get((entry["published_dataset"], entry["ipc"], entry["method"]))
    return None if found is None else found * _HOUR


def imagenet_tables(summary: pd.DataFrame, wanted: Wanted | None = None) -> list[Table]:
    """Return one table for each evaluator, metric, protocol, network and split in *summary*, from `with_times`."""
    wanted = wanted or Wanted()
    return [_table(common, group, wanted) for common, group in tables_by(summary, TABLE)]


def _table(common: dict[str, Any], summary: pd.DataFrame, wanted: Wanted) -> Table:
    columns = in_order(summary["label"], wanted.labels, references_of(summary))
    summary = ranked(summary, ["dataset", "ipc"])
    accuracies = rows_of(summary, ["dataset", "ipc"], "label", columns)
    times = {(entry["dataset"], entry["ipc"], entry["label"]): _time(entry) for entry in entries(summary)}
    metric = "accuracy %" if set(summary["unit"]) == {"percent"} else str(common["metric"])
    rows: dict[tuple[Any, ...], dict[str, Number]] = {}
    for place, numbers in sorted(accuracies.items()):
        rows[*place, metric] = numbers
        rows[*place, "time"] = {label: time for label in numbers if (time := times[*place, label]) is not None}
    datasets = set(summary["dataset"])
    failed = wanted.failed_in([common["evaluator_label"]], dataset=datasets, split=[common["split"]])
    notes = notes_of(summary, failed=failed)
    return table_of(title_of(common), ("dataset", "IPC", ""), columns, rows, (*notes, *_time_notes(summary)))


def _time(entry: Mapping[str, Any]) -> Number | None:
    if pd.isna(entry["seconds"]):
        return None
    published = "" if pd.isna(entry["published_seconds"]) else duration(entry["published_seconds"])
    return Number(entry["seconds"], 0.0, int(entry["cells"]), unit="seconds", published=published)


def _time_notes(summary: pd.DataFrame) -> Iterator[str]:
    """Yield on what the times were measured, and on what the published ones."""
    devices: dict[str, list[str]] = {}
    for label, device in zip(summary["label"], summary["device"], strict=True):
        if device and label not in devices.setdefault(device, []):
            devices[device].append(label)
    where = "; ".join(
        name if len(devices) == 1 else f"{name} ({', '.join(labels)})" for name, labels in devices.items()
    )
    yield f"time: to condense one set, mean over sets, on {where}" if where else "time: not recorded"
    if summary["published_seconds"].notna().any():
        yield f"published times, in {SOURCE}: on one RTX A6000, to the best accuracy, not of all iterations"
