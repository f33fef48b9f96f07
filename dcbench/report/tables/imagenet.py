"""Table 3 of the M3D paper: accuracy and condensing time, with the device named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dcbench.report.beside import SOURCE, published_hours
from dcbench.report.summary import TABLE, entries
from dcbench.report.tables.model import Number, duration
from dcbench.report.tables.pivot import (
    Wanted,
    in_order,
    notes_of,
    ranked,
    references_of,
    rows_of,
    table_of,
    tables_by,
    title_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from dcbench.report.tables.model import Table

_HOUR = 3600


def imagenet_tables(summary: pd.DataFrame, sets: pd.DataFrame, wanted: Wanted | None = None) -> list[Table]:
    """Return one table for each evaluator, figure, protocol, network and split in *summary*.

    Args:
        summary: from `summarise`; with published numbers if `beside` has added them.
        sets: from `dcbench.report.sets`: how long each set took, and on what.
        wanted: in which order methods stand.
    """
    wanted = wanted or Wanted()
    return [_table(common, group, sets, wanted) for common, group in tables_by(summary, TABLE)]


def _table(common: dict[str, Any], summary: pd.DataFrame, sets: pd.DataFrame, wanted: Wanted) -> Table:
    columns = in_order(summary["label"], wanted.labels, references_of(summary))
    accuracies = rows_of(ranked(summary, ["dataset", "ipc"]), ["dataset", "ipc"], "label", columns)
    made = sets.set_index("digest")
    times: dict[tuple[Any, ...], dict[str, Number]] = {}
    for entry in entries(summary):
        own = made.reindex(entry["digests"].split())["seconds"].dropna()
        if len(own):
            time = Number(own.mean(), own.std(ddof=0), len(own), kind="seconds", published=_published_time(entry))
            times.setdefault((entry["dataset"], entry["ipc"]), {})[entry["label"]] = time
    figure = "accuracy %" if set(summary["kind"]) == {"percent"} else str(common["figure"])
    rows: dict[tuple[Any, ...], dict[str, Number]] = {}
    for place, numbers in sorted(accuracies.items()):
        rows[*place, figure] = numbers
        rows[*place, "time"] = times.get(place, {})
    notes = notes_of(summary, len(accuracies) * len(columns), failed=wanted.failed)
    return table_of(title_of(common), ("dataset", "IPC", ""), columns, rows, (*notes, *_time_notes(summary, made)))


def _published_time(entry: dict[str, Any]) -> str:
    """Return the hours that the paper has for *entry*, if it has its accuracy too; nothing where none is wanted."""
    if "published" not in entry or entry["published"] != entry["published"]:
        return ""
    hours = published_hours()
    place = {name: entry[name] for name in ("published_dataset", "ipc", "method")}
    found = hours.loc[(hours[list(place)] == place).all(axis=1), "hours"]
    return duration(float(found.iloc[0]) * _HOUR) if len(found) else ""


def _time_notes(summary: pd.DataFrame, made: pd.DataFrame) -> Iterator[str]:
    """Yield on what the times were measured, and on what the published ones."""
    devices: dict[str, list[str]] = {}
    for label, digests in zip(summary["label"], summary["digests"], strict=True):
        for device in made.reindex(digests.split())["device"].dropna().unique():
            labels = devices.setdefault(str(device), [])
            labels += [label] if label not in labels else []
    where = "; ".join(
        device if len(devices) == 1 else f"{device} ({', '.join(labels)})" for device, labels in devices.items()
    )
    yield f"time: to condense one set, mean over sets, on {where}" if where else "time: not recorded"
    if "published" in summary:
        yield f"published times, in {SOURCE}: on one RTX A6000, to the best accuracy, not of all iterations"
