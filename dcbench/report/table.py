"""Tables from a summary: which numbers compete, in which row and column each stands, and the notes below."""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from dcbench.api.report import Number, Rank, ReportLayout, Row, Table, counted
from dcbench.api.texts import plural
from dcbench.engine.identity import OTHER_DATA
from dcbench.report.plugins import USUAL_EVALUATOR, metric_title, name_of, order_of
from dcbench.report.published import explain, published_text
from dcbench.report.ranks import MEANINGS, ranked
from dcbench.report.remarks import remarks
from dcbench.report.summary import TABLE, entries

_EVALUATION = re.compile("(?P<evaluator>.+)-[0-9a-f]{12}")
"""`Trial.name`, by which the record of a failure calls an evaluation; other jobs lead to a condensed set."""


@dataclass(frozen=True)
class Wanted:
    """What a run was to make, so that tables show what is missing."""

    labels: Sequence[str] = ()
    """Columns, in this order."""
    rows: Sequence[tuple[str, int]] = ()
    """(dataset, IPC) of each row."""
    cells: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    """How many cells each table of the grid should have, by its values of `dcbench.report.summary.TABLE`."""
    failed: Sequence[Mapping[str, Any]] = ()
    """The records of failed jobs, as those of `dcbench.report.results.failures`."""

    def failed_in(self, common: Mapping[str, Any], summary: pd.DataFrame, datasets: Collection[str]) -> int:
        """Count the failed jobs on the way to sets of a table, and those that evaluate such a set by its evaluators.

        A method that has no number in the table counts as well: it may lack one because it failed.

        Args:
            common: in what the numbers of the table agree.
            summary: what the table shows.
            datasets: of the rows of the table.
        """
        labels = [common["evaluator_label"]] if "evaluator_label" in common else list(summary["evaluator_label"])
        evaluators = {name_of(label) for label in labels}
        place = {"dataset": datasets} | {name: [common[name]] for name in ("dataset", "ipc", "split") if name in common}
        return sum(
            _evaluator_of(failure.get("job")) in {"", *evaluators}
            and all(failure.get(name) in values for name, values in place.items())
            for failure in self.failed
        )


def _evaluator_of(job: Any) -> str:
    """Return the name of the evaluator if *job* is an evaluation."""
    match = _EVALUATION.fullmatch(str(job))
    return match["evaluator"] if match else ""


def lay_out(layout: ReportLayout, summary: pd.DataFrame, wanted: Wanted | None = None) -> list[Table]:
    """Return the tables that *layout* makes of *summary*.

    Args:
        layout: how numbers are arranged.
        summary: what its `ReportLayout.prepare` returned; with published numbers if `published.join` has added them.
        wanted: in which order methods stand, and what is missing. Planned tables and rows, which are those of the
            grid, are there even if they have no number.
    """
    wanted = wanted or Wanted()
    groups = {tuple(common.values()): group for common, group in tables_by(summary, layout.common)}
    planned = wanted.cells if tuple(layout.common) == tuple(TABLE) else {}
    return [_table(layout, names, groups.get(names, summary[:0]), wanted) for names in sorted({*groups, *planned})]


def _table(layout: ReportLayout, names: tuple[Any, ...], summary: pd.DataFrame, wanted: Wanted) -> Table:
    common = dict(zip(layout.common, names, strict=True))
    expected = wanted.cells.get(names)
    methods_in_columns = layout.column == "label"
    labels = _in_order({*summary["label"], *(wanted.labels if expected is not None else ())}, wanted.labels)
    if methods_in_columns:
        references = references_of(summary)
        columns = [label for label in labels if label not in references] + [
            label for label in labels if label in references
        ]
    else:
        columns = layout.order_columns(list(summary[layout.column].unique()))
    row_names = [name for name in layout.names if name != "label"]
    summary = ranked(summary, row_names if methods_in_columns else [*row_names, layout.column])
    found = _rows_of(summary, list(layout.names), layout.column)
    places = {*found, *(wanted.rows if expected is not None else ())}
    order = [labels.index if name == "label" else None for name in layout.names]
    ordered = sorted(
        places, key=lambda place: [key(value) if key else value for key, value in zip(order, place, strict=True)]
    )
    rows = (
        Row(tuple(map(str, place)), tuple(found.get(place, {}).get(column) for column in columns)) for place in ordered
    )
    datasets = {*summary["dataset"], *(dataset for dataset, _ in (wanted.rows if expected is not None else ()))}
    notes = notes_of(summary, expected=expected, failed=wanted.failed_in(common, summary, datasets))
    made = Table(title_of(common), tuple(layout.names.values()), tuple(columns), tuple(rows), notes)
    return layout.finish(made) if found else made


def _rows_of(
    ranked_summary: pd.DataFrame, names: Sequence[str], column: str
) -> dict[tuple[Any, ...], dict[str, Number]]:
    """Return the numbers of each row, by the values of *names* that it has and by the value of *column*."""
    rows: dict[tuple[Any, ...], dict[str, Number]] = {}
    for entry in entries(ranked_summary):
        rows.setdefault(tuple(entry[name] for name in names), {})[entry[column]] = number_of(entry)
    return rows


def number_of(entry: Mapping[str, Any]) -> Number:
    """Return one row of a ranked summary as the number it is in a table."""
    rank: Rank = entry["rank"]
    known = "published" in entry
    return Number(
        entry["mean"],
        entry["std"],
        int(entry["n"]),
        rank,
        entry["unit"],
        published=published_text(entry) if known else "",
        difference=None if not known or pd.isna(entry["difference"]) else entry["difference"],
        counts=counted(entry["cells"], entry["fewest"], entry["most"]),
        sets=int(entry["cells"]),
        entry=entry,
    )


def _in_order(labels: Iterable[str], wanted: Sequence[str]) -> list[str]:
    """Return *labels* in the order of columns: those *wanted*, then as the records of methods say, then by name."""
    places = {label: number for number, label in reversed(list(enumerate(wanted)))}
    return sorted(set(labels), key=lambda label: (places.get(label, len(wanted)), order_of(label), label))


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
    parts = list(before)
    if common.get("evaluator_label", USUAL_EVALUATOR) != USUAL_EVALUATOR:
        parts.append(str(common["evaluator_label"]))
    if "metric" in common:
        parts.append(metric_title(common["metric"]))
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
        made = "made under the same label with other settings, recipe, precision or data"
        notes.append(f"{older} older, {made}: not shown")
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
