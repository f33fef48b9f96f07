"""Where each number of a page comes from: its repeats, its sets, and what they were made with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dcbench.report.ranks import ranked
from dcbench.report.summary import COORDINATES, entries
from dcbench.report.tables.model import duration
from dcbench.report.tables.pivot import anchor_of, number_of, title_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Origin:
    """All that a page says about one number."""

    anchor: str
    """Name of the place in the page that links lead to."""
    title: str
    number: str
    settings: Mapping[str, Any]
    repeats: list[dict[str, str]]
    """One row for each repeat on each set: replicate of the set, repeat, value, and how it was made."""
    sets: list[dict[str, str]]
    """One row for each condensed set."""


_REPEAT = ["digest", "replicate", "repeat", "value", "device", "finished", "file"]


def origins(summary: pd.DataFrame, frame: pd.DataFrame, sets: pd.DataFrame) -> Iterator[Origin]:
    """Yield the origin of each number of *summary*, from the `frame` and the `sets` that it was made from."""
    made = {row["digest"]: row for row in entries(sets)}
    final = frame[frame["step"].isna()]
    names = [*COORDINATES, "variant"]
    repeats = dict(list(final.groupby(names, dropna=False)[_REPEAT]))
    for entry in entries(ranked(summary, COORDINATES).sort_values(["dataset", "ipc", "label"], kind="stable")):
        digests = entry["digests"].split()
        rows = repeats[tuple(entry[name] for name in names)]
        rows = rows[rows["digest"].isin(digests)].sort_values(["replicate", "repeat"])
        place = f"{entry['dataset']} ipc {entry['ipc']} {entry['label']}"
        yield Origin(
            anchor=anchor_of(entry),
            title=f"{place}: {title_of(entry)}" + (", older recipe" if entry["superseded"] else ""),
            number=str(number_of(entry)),
            settings=entry["settings"],
            repeats=[_repeat(row, entry["unit"]) for row in entries(rows)],
            sets=[_set(made[digest]) for digest in digests if digest in made],
        )


def _repeat(row: Mapping[str, Any], unit: str) -> dict[str, str]:
    return {
        "set": f"s{row['replicate']}-{row['digest'][:12]}",
        "repeat": str(row["repeat"]),
        "value": f"{row['value']:.2f}" if unit == "percent" else f"{row['value']:.4g}",
        "on": str(row["device"]),
        "finished": str(row["finished"]),
        "file": str(row["file"]),
    }


def _set(row: Mapping[str, Any]) -> dict[str, str]:
    return {
        "set": f"s{row['replicate']}-{row['digest'][:12]}",
        "condensed in": "" if isinstance(row["origin"], Mapping) else duration(row["seconds"]),
        "on": str(row["device"]),
        "finished": str(row["finished"]),
        "with": ", ".join(f"{name} {version}" for name, version in (row["versions"] or {}).items() if version),
        "runtime": ", ".join(f"{name} {value}" for name, value in (row["runtime"] or {}).items()),
        "origin": _said(row["origin"]),
        "file": str(row["file"]),
    }


def _said(origin: Any) -> str:
    if isinstance(origin, Mapping):
        return ", ".join(f"{name} {value}" for name, value in origin.items())
    return "" if not isinstance(origin, str) else str(origin)
