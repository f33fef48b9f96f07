"""From a summary to a table: which numbers compete, in which row and column each stands, and in what order."""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from dcbench.api.words import plural
from dcbench.engine.identity import OTHER_DATA, digest_of
from dcbench.report.beside import explain, published_text
from dcbench.report.ranks import MEANINGS
from dcbench.report.remarks import remarks
from dcbench.report.summary import COORDINATES, entries
from dcbench.report.tables.model import Number, Rank, Row, Table, counted

FAVOURITES = ("random", "herding", "k-center", "dm", "idm", "m3d")
"""Methods that come in this order when no order is asked for; any other follows, by name."""

_EVALUATION = re.compile("(?P<evaluator>.+)-[0-9a-f]{12}")
"""`Trial.name`, by which the record of a failure calls an evaluation; other jobs lead to a condensed set."""


@dataclass(frozen=True)
class Wanted:
    """What a run set out to make, so that what is missing shows as missing."""

    labels: Sequence[str] = ()
    """Columns, in this order."""
    rows: Sequence[tuple[str, int]] = ()
    """(dataset, IPC) of each row."""
    cells: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    """How many cells each table of the grid should have, by its values of `dcbench.report.summary.TABLE`."""
    failed: Sequence[Mapping[str, Any]] = ()
    """The records of failed jobs, as those of `dcbench.report.results.failures`."""

    def failed_in(self, evaluator_labels: Iterable[str], **place: Collection[Any]) -> int:
        """Count the failed jobs whose sets a table is about, and those that evaluate such a set as the table does.

        A method that has no number in the table counts as well: it may have none because it failed.

        Args:
            evaluator_labels: the evaluators whose metrics the table shows.
            place: the values of ``dataset``, ``split`` and ``ipc`` that the table shows; what is not given is free.
        """
        evaluators = {label.partition("[")[0] for label in evaluator_labels}
        return sum(
            _evaluator_of(failure.get("job")) in {"", *evaluators}
            and all(failure.get(name) in values for name, values in place.items())
            for failure in self.failed
        )


def _evaluator_of(job: Any) -> str:
    """Return the name of the evaluator if *job* is an evaluation."""
    match = _EVALUATION.fullmatch(str(job))
    return match["evaluator"] if match else ""


def rows_of(
    ranked_summary: pd.DataFrame, names: Sequence[str], column: str, columns: Sequence[str]
) -> dict[tuple[Any, ...], dict[str, Number]]:
    """Return the numbers of each row, by the values of *names* that it has and by the value of *column*."""
    rows: dict[tuple[Any, ...], dict[str, Number]] = {}
    for entry in entries(ranked_summary):
        if entry[column] in columns:
            rows.setdefault(tuple(entry[name] for name in names), {})[entry[column]] = number_of(entry)
    return rows


def number_of(entry: Mapping[str, Any]) -> Number:
    """Return one row of a ranked summary as the number it is in a table."""
    rank: Rank = entry["rank"]
    counts = counted(entry["cells"], entry["fewest"], entry["most"])
    number = Number(
        entry["mean"],
        entry["std"],
        int(entry["n"]),
        rank,
        entry["unit"],
        anchor=anchor_of(entry),
        counts=counts,
        sets=int(entry["cells"]),
    )
    if "published" not in entry:
        return number
    difference = None if pd.isna(entry["difference"]) else entry["difference"]
    return replace(number, published=published_text(entry), difference=difference)


def anchor_of(entry: Mapping[str, Any]) -> str:
    """Return a name for the number of *entry* that no other has, for links to what is behind it."""
    return "n" + digest_of([str(entry[name]) for name in COORDINATES])[:12]


def in_columns(numbers: Mapping[str, Number], columns: Iterable[str]) -> tuple[Number | None, ...]:
    """Return the number of each of *columns*, or None."""
    return tuple(numbers.get(column) for column in columns)


def in_order(labels: Iterable[str], wanted: Sequence[str], references: Iterable[str] = ()) -> list[str]:
    """Return *labels* in the order of columns: those *wanted* first, then as usual; *references* stand at the end."""
    last = set(references)

    def place(label: str) -> tuple[bool, int, int, str]:
        if label in wanted:
            return label in last, 0, list(wanted).index(label), label
        name = label.partition("[")[0]
        return label in last, 1, FAVOURITES.index(name) if name in FAVOURITES else len(FAVOURITES), label

    return sorted(set(labels), key=place)


def references_of(summary: pd.DataFrame) -> list[str]:
    """Return the labels that do not compete, such as that of the whole training set."""
    labels: list[str] = summary.loc[summary["budget_exempt"].astype(bool), "label"].unique().tolist()
    return labels


def tables_by(summary: pd.DataFrame, columns: Sequence[str]) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """Yield a part of *summary* for each of its values of *columns*, with these values by name."""
    if not summary.empty:
        for values, group in summary.groupby(list(columns), dropna=False):
            names: Sequence[Hashable] = values if isinstance(values, tuple) else (values,)
            yield dict(zip(columns, names, strict=True)), group


def title_of(common: Mapping[str, Any], *before: str) -> str:
    """Return what the numbers of a table have in common, in words."""
    metrics = {
        "accuracy": "last-epoch accuracy",
        "accuracy_best_epoch": "best-epoch accuracy (picked on the evaluated split)",
    }
    parts = list(before)
    if common.get("evaluator_label", "accuracy") != "accuracy":
        parts.append(str(common["evaluator_label"]))
    if "metric" in common:
        parts.append(metrics.get(common["metric"], common["metric"]))
    if "split" in common:
        parts.append(f"{common['split']} split")
    parts += [f"{name} {common[name]}" for name in ("protocol", "network") if common.get(name)]
    return ", ".join(parts)


def notes_of(summary: pd.DataFrame, *, expected: int | None = None, failed: int = 0) -> tuple[str, ...]:
    """Return the lines below a table: coverage, how it ranks, what is older, and what is known of published numbers.

    Args:
        summary: the rows that the table shows, from `ranked`.
        expected: how many cells were planned, if that is known. A cell counts once, however many networks or metrics of
            it the table shows.
        failed: how many jobs failed, from `Wanted.failed_in`.
    """
    held = summary.assign(digest=summary["digests"].str.split()).explode("digest")
    counts = held.groupby(["dataset", "ipc", "label"])["digest"].nunique()
    done = int(counts.sum())
    coverage = plural(done, "cell") if expected is None else f"{done:,}/{plural(max(expected, done), 'cell')}"
    notes = [f"mean ± std (sets x repeats) · {coverage}" + (f" · {failed} failed" if failed else "")]
    if ((summary["cells"] == 1) & (summary["n"] > 1)).any():
        notes.append("(±std): over the networks of one set; it says nothing of other sets of the method")
    if (summary["rank"] == "tie").any():
        notes.append(MEANINGS["tie"])
    if summary["untested"].any():
        notes.append(MEANINGS["untested"])
    older = int(summary["older"].sum())
    if older:
        notes.append(f"{older} older, made under the same label with other settings, recipe or data: not shown")
    notes += other_data_notes(summary["dataset"])
    notes += remarks(summary)
    if "published" in summary:
        notes += explain(entries(summary.sort_values(["dataset", "ipc"])))
    return tuple(notes)


def other_data_notes(datasets: Iterable[str]) -> Iterator[str]:
    """Yield a line for each of *datasets*, titles, that is not the standard data of its name."""
    for title in sorted(set(datasets)):
        if title.endswith(OTHER_DATA):
            name = title.removesuffix(OTHER_DATA)
            yield f"{title}: not the standard {name}; 'dcbench show' says of a cell in what it differs"


def table_of(
    title: str,
    heads: Sequence[str],
    columns: Sequence[str],
    rows: Mapping[tuple[Any, ...], Mapping[str, Number]],
    notes: Sequence[str] = (),
) -> Table:
    """Return a table of *rows*, in their order."""
    made = tuple(Row(tuple(map(str, names)), in_columns(numbers, columns)) for names, numbers in rows.items())
    return Table(title, tuple(heads), tuple(columns), made, tuple(notes))
