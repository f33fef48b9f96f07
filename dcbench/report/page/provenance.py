"""Where each number of a page comes from: its repeats, its sets, and what they were made with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dcbench.api.report import Number, duration
from dcbench.report.summary import COORDINATES, entries
from dcbench.report.table import title_of

if TYPE_CHECKING:
    from dcbench.report.report import Report


@dataclass(frozen=True)
class Origin:
    """What a page shows of the origin of one number."""

    anchor: str
    """Name of the section, which links lead to."""
    title: str
    number: str
    settings: Mapping[str, Any]
    repeats: list[dict[str, str]]
    """One row for each repeat on each set: replicate of the set, repeat, value, and how it was made."""
    sets: list[dict[str, str]]
    """One row for each condensed set."""


_ORDER = ("dataset", "ipc", "label", "row")

_REPEAT = ["digest", "replicate", "repeat", "value", "device", "finished", "file"]


def origins(report: Report) -> Iterator[Origin]:
    """Yield the origin of each number that the tables of *report* print."""
    made = {row["digest"]: row for row in entries(report.results.sets)}
    evaluations = report.results.evaluations
    names = [*COORDINATES, "variant"]
    repeats = dict(list(evaluations[evaluations["step"].isna()].groupby(names, dropna=False)[_REPEAT]))
    for number in _numbers(report):
        entry = number.entry or {}
        digests = entry["digests"].split()
        rows = repeats[tuple(entry[name] for name in names)]
        rows = rows[rows["digest"].isin(digests)].sort_values(["replicate", "repeat"])
        place = f"{entry['dataset']} ipc {entry['ipc']} {entry['label']}"
        yield Origin(
            anchor=number.anchor,
            title=f"{place}: {title_of(entry)}" + (", older recipe" if entry["superseded"] else ""),
            number=str(number),
            settings=entry["settings"],
            repeats=[_repeat(row, entry["unit"]) for row in entries(rows)],
            sets=[_set(made[digest]) for digest in digests if digest in made],
        )


def _numbers(report: Report) -> list[Number]:
    """Return each number that a row of the summary is behind, once, by dataset, IPC and label."""
    printed = (number for table in report.tables for row in table.rows for number in row.numbers)
    found = {number.anchor: number for number in printed if number is not None and number.entry is not None}
    return sorted(found.values(), key=lambda number: [(number.entry or {})[name] for name in _ORDER])


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
