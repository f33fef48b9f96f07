"""A report: tables of a results folder, with the rows that they print and the results behind these."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from dcbench.api.records import GRID
from dcbench.api.report import ReportLayout, Table
from dcbench.api.texts import plural
from dcbench.engine.identity import Trial
from dcbench.report.filters import Filter
from dcbench.report.plugins import best_epoch_metrics, layout_of, published_numbers, published_protocols
from dcbench.report.published import join
from dcbench.report.results import Results, frame, read_results
from dcbench.report.summary import entries, summarise
from dcbench.report.table import Wanted, lay_out


@dataclass(frozen=True)
class Query:
    """What a report is to show."""

    results: Path
    report: str = GRID.name
    """Name of the report, which selects the layout of its tables."""
    chosen: Filter = field(default_factory=Filter)
    published: bool = False
    """Whether published numbers stand below the measured ones."""
    best_epoch: bool = False
    """Whether metrics of the best epoch are shown as well."""


@dataclass(frozen=True)
class Report:
    """Tables, and what they were made from."""

    tables: Sequence[Table]
    summary: pd.DataFrame
    """The numbers, one row each: those that stand in `tables`; of a run, all metrics of its trials."""
    results: Results
    """The evaluations that the numbers were made from, and the condensed sets of the folder."""
    failures: pd.DataFrame
    """The failed jobs that the folder remembers, of what was chosen."""
    fields: Sequence[str] = ()
    """Columns of `summary` that this kind of report adds to CSV and JSON."""


def build(query: Query) -> Report:
    """Return the report that *query* describes.

    Warns of each value of the filter that fits no row, and of the reason if the report is empty.

    Raises:
        RequestError: there is no such report, or no such results folder.
    """
    layout = layout_of(query.report)
    also = published_protocols() if query.published else {}
    chosen = replace(query.chosen, also_under=also, without_protocol=layout.without_protocol)
    results = read_results(query.results, chosen)
    failed = chosen.apply(results.failures)
    summary = _measured(layout, results, query)
    tables = lay_out(layout, summary, Wanted(list(chosen.methods), failed=entries(failed)))
    if not tables:
        _say_why(query.report, layout, results.evaluations, len(failed))
    return Report(tables, _printed(summary, tables), results, failed, layout.fields)


def _measured(layout: ReportLayout, results: Results, query: Query) -> pd.DataFrame:
    """Return the numbers that *layout* arranges in tables."""
    summary = summarise(results.evaluations)
    if not (query.chosen.protocol or query.chosen.evaluators):
        summary = layout.select(summary)
    if query.published:
        summary = join(summary, published_numbers())
    shown = summary["main"].astype(bool) | summary["evaluator"].isin(list(layout.whole))
    if query.best_epoch:
        shown |= summary["metric"].isin(best_epoch_metrics())
    return layout.prepare(summary[shown], lambda: results.sets)


def _printed(summary: pd.DataFrame, tables: Sequence[Table]) -> pd.DataFrame:
    """Return the rows of *summary* that *tables* print."""
    rows = {entry["row"] for table in tables for entry in table.entries()}
    return summary[summary["row"].isin(rows)]


def _say_why(report: str, layout: ReportLayout, evaluations: pd.DataFrame, failed: int) -> None:
    """Warn of the reason why *report* is empty: there are other evaluations, or jobs failed."""
    if len(evaluations) and layout.subject:
        there = sorted({*evaluations["protocol"]} - {""})
        hint = f"; --protocol {','.join(there)} shows what is" if there and not layout.without_protocol else ""
        warnings.warn(f"{report} is about {layout.subject}; no finished cell here is{hint}", stacklevel=3)
    elif failed and not len(evaluations):
        jobs = plural(failed, "job")
        warnings.warn(f"{jobs} failed; 'dcbench show' lists the cells, and shows why for each", stacklevel=3)


def build_of_run(results: Path, trials: Sequence[Trial], failed: Sequence[Mapping[str, Any]]) -> Report:
    """Return the grid over the cells of a run, with those that are missing.

    Args:
        results: the results folder.
        trials: what the run was to make.
        failed: the records of its failed jobs.
    """
    found = Results(results, _relabelled(frame(results), trials), pd.DataFrame(failed))
    summary = summarise(found.evaluations)
    labels = list(dict.fromkeys(trial.cell.method.label for trial in trials))
    rows = list(dict.fromkeys((trial.cell.dataset.title, trial.cell.ipc) for trial in trials))
    wanted = Wanted(labels, rows, Counter(map(_table_of, trials)), failed)
    tables = lay_out(ReportLayout(), summary[summary["main"].astype(bool)], wanted)
    return Report(tables, summary, found, found.failures)


def _relabelled(evaluations: pd.DataFrame, trials: Sequence[Trial]) -> pd.DataFrame:
    """Return the rows that belong to *trials*, under the labels of this run.

    The same trial may have been made under other labels. Two labels may mean the same settings. Older files do not
    record that their data is not the standard data of its name.
    """
    columns = ["key", "dataset", "label", "evaluator_label"]
    named = dict.fromkeys(
        (trial.key, trial.cell.dataset.title, trial.cell.method.label, trial.evaluator.label) for trial in trials
    )
    labels = pd.DataFrame(named.keys(), columns=columns)
    return evaluations.drop(columns=columns[1:]).merge(labels, on="key")


def _table_of(trial: Trial) -> tuple[str, ...]:
    """Return the table that a trial belongs to, by the values of `dcbench.report.summary.TABLE`."""
    spec = trial.evaluator
    names = (str(spec.settings.get(field, "")) for field in ("protocol", "network"))
    return (spec.label, spec.metric, *names, trial.cell.split)
