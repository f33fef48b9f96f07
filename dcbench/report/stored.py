"""Reports in the store: by value, with the digests of the cells they came from, and what has changed since."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import pandas as pd

from dcbench.api.errors import RequestError
from dcbench.api.report import Number, counted
from dcbench.api.texts import plural
from dcbench.engine.store.facts import STORED_AS
from dcbench.engine.store.guards import CorruptFileError
from dcbench.engine.store.hdf5 import get_array, get_facts, get_texts, put_array, put_facts, reading, writing
from dcbench.engine.store.store import Store
from dcbench.report.reading import read_or_warn
from dcbench.report.render.text import terminal
from dcbench.report.report import Report
from dcbench.report.summary import COORDINATES, TABLE, entries, summarise

_FILE_TYPE = "report"

_NUMBERS = [*COORDINATES, "method", "unit", "mean", "std", "n", "cells", "fewest", "most", "variant", "digests"]
"""The columns that are stored of each number: its name, its value, and the cells behind it."""

_AMOUNTS = {"ipc", "mean", "std", "n", "cells", "fewest", "most"}
"""Columns of `_NUMBERS` that are not texts."""

_TITLES = ["label", "evaluator_label"]
"""Columns of `COORDINATES` that may change while the results stay: a result has the label of its latest run."""

_ROUNDING = 1e-9  # relative: the order in which values are summed is not a change
_MOST_CHANGES = 5  # that a description names


@dataclass(frozen=True)
class StoredReport:
    """A report as it was when it was stored."""

    name: str
    made: str
    """The time of storing, in ISO 8601."""
    text: str
    """The tables as text for a terminal."""
    numbers: pd.DataFrame
    """One row for each number, with the columns of `dcbench.report.summary.COORDINATES`, ``mean``, ``std``, ``n``,
    ``cells``,
    ``fewest``, ``most``, ``variant`` of the trials, and ``digests``, the cells it came from, joined by spaces."""


def keep(path: Path, report: Report, *, overwrite: bool) -> None:
    """Store *report* at *path*: its numbers, and its tables as text. An equal report that is there stays as it is.

    Raises:
        RequestError: there is another report, and it is not to be overwritten.
        OSError: it cannot be written, as on a full disk.
    """
    text = terminal(report.tables)
    if is_stored(path, report.summary, text):
        return
    if path.exists() and not overwrite:
        raise RequestError(f"another report is stored as {path}; choose another name, or add --overwrite")
    store_report(path, report.summary, text)


def store_report(path: Path, summary: pd.DataFrame, text: str) -> None:
    """Write a report to *path*: each number of *summary*, from `summarise`, and *text* as it was printed.

    Raises:
        OSError: it cannot be written, as on a full disk.
    """
    with writing(path, _FILE_TYPE) as file:
        put_facts(file, {"made": datetime.now(UTC).isoformat(timespec="seconds"), "name": path.stem})
        put_array(file, "text", text)
        columns = file.create_group("columns")
        for column in _NUMBERS:
            put_array(columns, STORED_AS.get(column, column), summary[column].to_numpy())


def is_stored(path: Path, summary: pd.DataFrame, text: str) -> bool:
    """Return whether the report at *path* is there with exactly these numbers, to the last bit, and this *text*."""
    try:
        report = read_report(path)
    except (RequestError, CorruptFileError):
        return False
    same = report.numbers.to_numpy().tolist() == summary[_NUMBERS].to_numpy().tolist()
    return same and report.text == text


def read_report(path: Path) -> StoredReport:
    """Return the report at *path*.

    Raises:
        RequestError: there is none.
        CorruptFileError: it is damaged, or it holds another report than its name.
        UnreadableFileError, UnsupportedFormatError: it cannot be read.
    """
    if not path.exists():
        raise RequestError(
            f"there is no stored report {path.stem!r} in {path.parent}; 'dcbench report --stored' lists all"
        )
    with reading(path, _FILE_TYPE) as file:
        facts, columns = get_facts(file), file["columns"]
        made, name = str(facts["made"]), facts.get("name", path.stem)  # older files do not record their name
        if name != path.stem:
            raise CorruptFileError(path, f"it holds the report {name!r}; give it that name, or remove it")
        numbers = {name: _column(columns, name) for name in _NUMBERS}
        return StoredReport(path.stem, made, get_texts(file, "text"), pd.DataFrame(numbers))


def _column(columns: h5py.Group, name: str) -> Any:
    stored = STORED_AS.get(name, name)
    if not len(columns[stored]):  # a report without numbers has columns without a type
        return []
    return (get_array if name in _AMOUNTS else get_texts)(columns, stored)


def list_reports(store: Store) -> list[StoredReport]:
    """Return the reports of a results folder, the latest first.

    One that is damaged, or cannot be read now, is left out with a warning.
    """
    read = (read_or_warn(read_report, path) for path in store.all_reports())
    return sorted(filter(None, read), key=lambda report: report.made, reverse=True)


def changes(stored: StoredReport, table: pd.DataFrame) -> list[str]:
    """Return which numbers of a report have changed, one text for each: ``digits ipc 1 m3d 85.5 → 85.9``.

    Each number is made again from the cells that it came from, and from no others: cells that were added to the store
    since do not change a report. It changes if a cell was made again with other metrics, evaluated with more repeats,
    or removed.

    Args:
        stored: the report.
        table: the `frame` of the results folder, without a filter.
    """
    if stored.numbers.empty:
        return []
    now = {tuple(entry[name] for name in COORDINATES): entry for entry in entries(_made_again(stored.numbers, table))}
    varying = [name for name in TABLE if stored.numbers[name].nunique() > 1]
    found = []
    for entry in entries(stored.numbers):
        again = now.get(tuple(entry[name] for name in COORDINATES))
        if again is None or not _same(entry, again):
            what = [entry["dataset"], f"ipc {entry['ipc']}", entry["label"], *(entry[name] for name in varying)]
            found.append(f"{' '.join(filter(None, what))} {_transition(entry, again)}")
    return found


def _made_again(numbers: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return the summary of what *table* still holds of the trials of *numbers*, under the titles of the report."""
    trials = numbers[[*COORDINATES, "variant"]].assign(digest=numbers["digests"].str.split()).explode("digest")
    names = [name for name in COORDINATES if name not in _TITLES]
    return summarise(table.astype({"ipc": int}).drop(columns=_TITLES).merge(trials, on=[*names, "variant", "digest"]))


def _same(stored: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    values = all(
        math.isclose(stored[name], now[name], rel_tol=_ROUNDING, abs_tol=_ROUNDING) for name in ("mean", "std")
    )
    return values and stored["n"] == now["n"] and stored["digests"] == now["digests"]


def _transition(stored: Mapping[str, Any], now: Mapping[str, Any] | None) -> str:
    before = _number(stored)
    if now is None:
        return f"{before} → gone"
    after = _number(now)
    return f"{before} → {after}" if before != after else f"{before}, by less than is shown"


def _number(entry: Mapping[str, Any]) -> str:
    counts = counted(entry["cells"], entry["fewest"], entry["most"])
    return str(
        Number(
            entry["mean"], entry["std"], int(entry["n"]), unit=entry["unit"], counts=counts, sets=int(entry["cells"])
        )
    )


def describe(stored: StoredReport, table: pd.DataFrame) -> str:
    """Return one line with the name of a report, when it was made, how many numbers it has, and what has changed.

    Args:
        stored: the report.
        table: the `frame` of the results folder, without a filter.
    """
    return f"{stored.name}  {stored.made}  {plural(len(stored.numbers), 'number')}  {state(stored, table)}"


def state(stored: StoredReport, table: pd.DataFrame) -> str:
    """Return whether the numbers of a report are those of its cells: ``2 of 12 numbers have changed since: ...``."""
    changed = changes(stored, table)
    if not changed:
        return "as its cells are"
    have = "has" if len(changed) == 1 else "have"
    count = f"{len(changed):,} of {plural(len(stored.numbers), 'number')}"
    return f"{count} {have} changed since: {'; '.join(_shortened(changed))}"


def _shortened(changed: Sequence[str]) -> Iterator[str]:
    yield from changed[:_MOST_CHANGES]
    if len(changed) > _MOST_CHANGES:
        yield f"and {len(changed) - _MOST_CHANGES} more"
