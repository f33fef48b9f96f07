"""The four tables of the M3D paper as layouts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import pandas as pd

from dcbench import Number, ReportLayout, Row, Table
from dcbench.api.report import duration
from dcbench_plugins.reports.m3d_paper.numbers import DISTANCES, SOURCE

_PHOTOGRAPHS = "idc-imagenet"
"""The protocol of large images."""


class Moments(ReportLayout):
    """Table 1: distances between moments of the features of condensed and real images, and accuracy.

    There is a table for each dataset, IPC and split that the evaluator ``moments`` has measured. Methods are rows. The
    accuracies of the same sets have a column for each protocol and network. An evaluator with other settings, such as
    ``moments[draws=1]``, has columns of its own.
    """

    subject = "what the evaluator moments measures"
    without_protocol = True
    whole = ("moments",)
    common = ("dataset", "ipc", "split")
    names: ClassVar[Mapping[str, str]] = {"label": "method"}
    column = "heading"

    def prepare(self, summary: pd.DataFrame, sets: Callable[[], pd.DataFrame]) -> pd.DataFrame:  # noqa: ARG002
        """Return the distances and accuracies of *summary*, with the ``heading`` of the column of each."""
        distances = summary[summary["metric"].isin(list(DISTANCES))]
        accuracies = summary[(summary["evaluator"] == "accuracy") & summary["main"].astype(bool)]
        measured, there = (pd.MultiIndex.from_frame(part[list(self.common)]) for part in (distances, accuracies))
        shown = pd.concat([distances, accuracies[there.isin(measured)]])
        return shown.assign(heading=[_heading(entry) for entry in shown.to_dict("records")])

    def order_columns(self, names: Sequence[str]) -> list[str]:
        """Return the distances, then the accuracies, each by name."""
        order = [*DISTANCES.values(), "accuracy"]
        return sorted(names, key=lambda name: (order.index(name.split()[0]), name))

    def finish(self, table: Table) -> Table:
        """Return *table* with dataset and IPC in its title and a note on distances."""
        entry = table.entries()[0]
        title = f"moments, {entry['dataset']} ipc {entry['ipc']}, {table.title}"
        note = "distances: between the features of condensed and training images, the less the better"
        return replace(table, title=title, notes=(*table.notes, note))


def _heading(entry: Mapping[Any, Any]) -> str:
    """Return the heading of the column of *entry*: its metric, and in what the numbers of the column agree."""
    label = entry["evaluator_label"]
    common = ("" if label in ("moments", "accuracy") else label, entry["protocol"], entry["network"])
    return f"{DISTANCES.get(entry['metric'], 'accuracy')} ({', '.join(filter(None, common))})"


class LowResolution(ReportLayout):
    """Table 2: the grid, with the share of the training images that a condensed set has."""

    subject = f"protocols other than {_PHOTOGRAPHS}, that of large images, unless --protocol names one"
    fields = ("ratio",)
    names: ClassVar[Mapping[str, str]] = {"dataset": "dataset", "ipc": "IPC", "shown_ratio": "ratio %"}

    def select(self, summary: pd.DataFrame) -> pd.DataFrame:
        """Return the accuracies under protocols of small images."""
        return summary[(summary["evaluator"] == "accuracy") & (summary["protocol"] != _PHOTOGRAPHS)]

    def prepare(self, summary: pd.DataFrame, sets: Callable[[], pd.DataFrame]) -> pd.DataFrame:  # noqa: ARG002
        """Return *summary* with ``ratio``, in percent; missing if no file records the size of the data.

        Each dataset, split and IPC has one ratio: that of the latest number which records it.
        """
        condensed, real = summary["ipc"].astype(float) * summary["classes"].astype(float), summary["train_images"]
        each = 100 * condensed / real.astype(float)
        ratio = each.groupby([summary[name] for name in ("dataset", "split", "ipc")]).transform("last")
        shown = ["-" if pd.isna(value) else f"{value:.2g}" for value in ratio]
        return summary.assign(ratio=ratio, shown_ratio=shown)


class ImageNetSubsets(ReportLayout):
    """Table 3: accuracy, and below it the time of condensing one set, with the device named."""

    subject = f"the protocol {_PHOTOGRAPHS}, that of large images, unless --protocol names another"
    fields = ("seconds", "device", "published_seconds")

    def select(self, summary: pd.DataFrame) -> pd.DataFrame:
        """Return the accuracies under the protocol of large images."""
        return summary[(summary["evaluator"] == "accuracy") & (summary["protocol"] == _PHOTOGRAPHS)]

    def prepare(self, summary: pd.DataFrame, sets: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        """Return *summary* with the mean ``seconds`` of condensing one set, and on which ``device``.

        Seconds are missing where a set was imported or is not there.
        """
        made = sets()
        made = made[made["origin"].isna()].set_index("digest")
        own = [made.reindex(digests.split()) for digests in summary["digests"]]
        # The mean over some of the sets would pass for that over all of them.
        seconds = [rows["seconds"].astype(float).mean(skipna=False) for rows in own]
        published = summary["published_seconds"] if "published_seconds" in summary else float("nan")
        return summary.assign(
            seconds=pd.Series(seconds, summary.index, dtype=float),
            device=[", ".join(map(str, rows["device"].dropna().unique())) for rows in own],
            published_seconds=pd.Series(published, summary.index, dtype=float),
        )

    def finish(self, table: Table) -> Table:
        """Return *table* with two rows for each of its rows: the metric, and the time below it."""
        entries = table.entries()
        percent = {entry["unit"] for entry in entries} == {"percent"}
        metric = "accuracy %" if percent else str(entries[0]["metric"])
        rows = [
            line
            for row in table.rows
            for line in (
                Row((*row.names, metric), row.numbers),
                Row((*row.names, "time"), tuple(number and _time(number.entry) for number in row.numbers)),
            )
        ]
        notes = (*table.notes, *_time_notes(entries))
        return replace(table, heads=(*table.heads, ""), rows=tuple(rows), notes=notes)


def _time(entry: Mapping[str, Any] | None) -> Number | None:
    if entry is None or pd.isna(entry["seconds"]):
        return None
    published = "" if pd.isna(entry["published_seconds"]) else duration(entry["published_seconds"])
    return Number(entry["seconds"], 0.0, int(entry["cells"]), unit="seconds", published=published)


def _time_notes(entries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield on what the times were measured, and on what the published ones."""
    devices = _labels_by((entry["device"], entry["label"]) for entry in entries if entry["device"])
    where = "; ".join(
        name if len(devices) == 1 else f"{name} ({', '.join(labels)})" for name, labels in devices.items()
    )
    yield f"time: to condense one set, mean over sets, on {where}" if where else "time: not recorded"
    if any(not pd.isna(entry["published_seconds"]) for entry in entries):
        yield f"published times, in {SOURCE}: on one RTX A6000, to the best accuracy, not of all iterations"


class CrossArchitecture(ReportLayout):
    """Table 4: one condensed set, evaluated on several networks, which are columns.

    Sets that were evaluated on a network are shown. A note names the networks that they were condensed on.
    """

    common = ("evaluator_label", "metric", "protocol", "split")
    names: ClassVar[Mapping[str, str]] = {"dataset": "dataset", "ipc": "IPC", "label": "method"}
    column = "network"

    def select(self, summary: pd.DataFrame) -> pd.DataFrame:
        """Return the accuracies."""
        return summary[summary["evaluator"] == "accuracy"]

    def prepare(self, summary: pd.DataFrame, sets: Callable[[], pd.DataFrame]) -> pd.DataFrame:  # noqa: ARG002
        """Return the numbers of *summary* that were measured on a network."""
        return summary[summary["network"] != ""]

    def order_columns(self, names: Sequence[str]) -> list[str]:
        """Return ConvNets first, as the paper has them, and then the others by name."""
        return sorted(names, key=lambda name: (not name.startswith("convnet"), name))

    def finish(self, table: Table) -> Table:
        """Return *table* with a note on the networks that its sets were condensed on."""
        used = ((entry["settings"].get("network"), entry["label"]) for entry in table.entries())
        networks = _labels_by((network, label) for network, label in used if network is not None)
        if not networks:
            return table
        note = "condensed on " + "; ".join(f"{name} ({', '.join(labels)})" for name, labels in networks.items())
        return replace(table, notes=(*table.notes, note))


def _labels_by(pairs: Iterator[tuple[str, str]]) -> dict[str, list[str]]:
    """Return the labels that each name comes with, in their order."""
    found: dict[str, dict[str, None]] = {}
    for name, label in pairs:
        found.setdefault(name, {})[label] = None
    return {name: list(labels) for name, labels in found.items()}
