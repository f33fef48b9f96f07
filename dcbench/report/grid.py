"""The comparison table of the field: rows are dataset x IPC, columns are methods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

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

    def __str__(self) -> str:
        return f"{self.mean:.1f} ± {self.std:.1f} ({self.n})"


@dataclass(frozen=True)
class GridTable:
    """A table ready to be rendered: what it shows, its columns, its rows, and how complete it is."""

    title: str
    columns: tuple[str, ...]
    """Labels of the methods."""
    rows: tuple[tuple[str, int, tuple[Number | None, ...]], ...]
    """(dataset, IPC, one number or None for each column)."""
    notes: tuple[str, ...] = field(default=())
    """Lines below the table: coverage, failures, what was left out."""


def grid_tables(
    summary: pd.DataFrame,
    labels: Sequence[str] = (),
    expected: Mapping[tuple[str, ...], int] | None = None,
    failed: int = 0,
) -> list[GridTable]:
    """Return one table for each evaluator, figure, protocol, network and split in *summary*.

    Args:
        summary: from `summarise`.
        labels: the order of the columns; those not named follow.
        expected: how many cells each table should have, by its values of `TABLE`; None means every row x column x seed.
        failed: how many jobs failed, for the note.
    """
    return [
        _table(names, group, labels, (expected or {}).get(names), failed)
        for names, group in ((tuple(map(str, names)), group) for names, group in summary.groupby(TABLE, sort=True))
    ]


def _table(
    names: tuple[str, ...], summary: pd.DataFrame, labels: Sequence[str], expected: int | None, failed: int
) -> GridTable:
    columns = _ordered(summary["label"].unique().tolist(), labels)
    rows = tuple(
        (str(dataset), int(str(ipc)), _numbers(group, columns))
        for (dataset, ipc), group in summary.groupby(["dataset", "ipc"], sort=True)
    )
    return GridTable(
        _title(dict(zip(TABLE, names, strict=True))),
        tuple(columns),
        rows,
        tuple(_notes(summary, len(rows) * len(columns), expected, failed)),
    )


def _ordered(found: list[str], wanted: Sequence[str]) -> list[str]:
    def place(label: str) -> tuple[int, int, str]:
        if label in wanted:
            return 0, list(wanted).index(label), label
        name = label.partition("[")[0]
        return 1, FAVOURITES.index(name) if name in FAVOURITES else len(FAVOURITES), label

    return sorted(found, key=place)


def _numbers(row: pd.DataFrame, columns: Sequence[str]) -> tuple[Number | None, ...]:
    """Return the numbers of one row. The best is the largest mean; the whole training set does not compete."""
    entries: list[dict[str, Any]] = row.to_dict("records")  # type: ignore[assignment]  # column names are texts
    best = max((entry["mean"] for entry in entries if entry["method"] != "whole"), default=None)
    found = {
        entry["label"]: Number(
            entry["mean"], entry["std"], int(entry["n"]), best=entry["method"] != "whole" and entry["mean"] == best
        )
        for entry in entries
    }
    return tuple(found.get(label) for label in columns)


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
    seeds = int(summary["cells"].max())
    done = int(summary["cells"].sum())
    total = max(expected if expected is not None else places * seeds, done)
    yield f"mean ± std (n networks) · {done}/{total} cells" + (f" · {failed} failed" if failed else "")
    older = int(summary["older"].sum())
    if older:
        yield f"{older} older, made under the same label with other settings, recipe or data: not shown"
