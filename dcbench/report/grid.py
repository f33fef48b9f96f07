"""The comparison table of the field: rows are dataset x IPC, columns are methods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from dcbench.api.evaluator import Kind
from dcbench.report.comparison import explain, published_text
from dcbench.report.summary import TABLE

FAVOURITES = ("whole", "random", "herding", "k-center", "dm", "idm", "m3d")
"""Columns that come in this order when no order is asked for; any other follows, by name."""


@dataclass(frozen=True)
class Number:
    """One entry of a table."""

    mean: float
    std: float
    n: int
    best: bool = False
    kind: Kind = "percent"
    published: str = ""
    """The published number with its marks, to stand below; empty if there is none, or if none is wanted."""
    difference: float | None = None
    """Mean minus published number, if the two may be compared."""

    def __str__(self) -> str:
        if self.kind == "percent":
            return f"{self.mean:.1f} ± {self.std:.1f} ({self.n})"
        return f"{self.mean:.3g} ± {self.std:.2g} ({self.n})"


@dataclass(frozen=True)
class GridTable:
    """A table ready to be rendered: what it shows, its columns, its rows, and how complete it is."""

    title: str
    columns: tuple[str, ...]
    """Labels of the methods."""
    rows: tuple[tuple[str, int, tuple[Number | None, ...]], ...]
    """(dataset, IPC, one number or None for each column)."""
    notes: tuple[str, ...] = field(default=())
    """Lines below the table: coverage, failures, what was left out, what is known of published numbers."""


@dataclass(frozen=True)
class Wanted:
    """What a run set out to make, so that what is missing shows as missing."""

    labels: Sequence[str] = ()
    """Columns, in this order."""
    rows: Sequence[tuple[str, int]] = ()
    """(dataset, IPC) of each row."""
    cells: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    """How many cells each table should have, by its values of `TABLE`."""


def grid_tables(
    summary: pd.DataFrame, labels: Sequence[str] = (), wanted: Wanted | None = None, failed: int = 0
) -> list[GridTable]:
    """Return one table for each evaluator, figure, protocol, network and split in *summary* and in *wanted*.

    Args:
        summary: from `summarise`; with published numbers if `beside` has added them.
        labels: the order of the columns; those not named follow.
        wanted: the plan; without one, every row x column x seed that is found is expected.
        failed: how many jobs failed, for the note.
    """
    wanted = wanted or Wanted(labels)
    groups = {tuple(map(str, names)): group for names, group in summary.groupby(TABLE)}
    return [_table(names, groups.get(names, summary[:0]), wanted, failed) for names in sorted({*groups, *wanted.cells})]


def _table(names: tuple[str, ...], summary: pd.DataFrame, wanted: Wanted, failed: int) -> GridTable:
    planned = names in wanted.cells
    found = summary["label"].unique().tolist()
    columns = _ordered(list({*found, *wanted.labels}) if planned else found, wanted.labels)
    groups = {(str(dataset), int(str(ipc))): group for (dataset, ipc), group in summary.groupby(["dataset", "ipc"])}
    places = sorted({*groups, *wanted.rows} if planned else groups)
    rows = tuple((*place, _numbers(groups.get(place, summary[:0]), columns)) for place in places)
    notes = [*_notes(summary, len(rows) * len(columns), wanted.cells.get(names), failed)]
    if "published" in summary:
        notes += explain(_entries(summary.sort_values(["dataset", "ipc"])))
    return GridTable(_title(dict(zip(TABLE, names, strict=True))), tuple(columns), rows, tuple(notes))


def _entries(summary: pd.DataFrame) -> list[dict[str, Any]]:
    return summary.to_dict("records")  # type: ignore[return-value]  # column names are texts


def _ordered(found: list[str], wanted: Sequence[str]) -> list[str]:
    def place(label: str) -> tuple[int, int, str]:
        if label in wanted:
            return 0, list(wanted).index(label), label
        name = label.partition("[")[0]
        return 1, FAVOURITES.index(name) if name in FAVOURITES else len(FAVOURITES), label

    return sorted(found, key=place)


def _numbers(row: pd.DataFrame, columns: Sequence[str]) -> tuple[Number | None, ...]:
    """Return the numbers of one row. The best is the highest percentage or the least distance, references aside."""
    entries = _entries(row)
    competing = [entry for entry in entries if not entry["reference"]]
    least = any(entry["kind"] == "distance" for entry in competing)
    best = (min if least else max)((entry["mean"] for entry in competing), default=None)
    found = {entry["label"]: _number(entry, best) for entry in entries}
    return tuple(found.get(label) for label in columns)


def _number(entry: dict[str, Any], best: float | None) -> Number:
    leads = not entry["reference"] and entry["mean"] == best
    number = Number(entry["mean"], entry["std"], int(entry["n"]), best=leads, kind=entry["kind"])
    if "published" not in entry:
        return number
    difference = None if pd.isna(entry["difference"]) else entry["difference"]
    return replace(number, published=published_text(entry), difference=difference)


def _title(common: dict[str, str]) -> str:
    names = {
        "accuracy": "last-epoch accuracy",
        "accuracy_best_epoch": "best-epoch accuracy (picked on the evaluated split)",
    }
    parts = [f"{names.get(common['figure'], common['figure'])}, {common['split']} split"]
    parts += [f"{name} {common[name]}" for name in ("protocol", "network") if common[name]]
    if common["evaluator"] != "accuracy":
        parts.insert(0, common["evaluator"])
    return ", ".join(parts)


def _notes(summary: pd.DataFrame, places: int, expected: int | None, failed: int) -> Iterator[str]:
    seeds = 0 if summary.empty else int(summary["cells"].max())
    done = int(summary["cells"].sum())
    total = max(expected if expected is not None else places * seeds, done)
    yield f"mean ± std (n networks) · {done}/{total} cells" + (f" · {failed} failed" if failed else "")
    older = int(summary["older"].sum())
    if older:
        yield f"{older} older, made under the same label with other settings, recipe or data: not shown"
