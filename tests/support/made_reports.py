"""Reports of results folders, for tests of what reports show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from dcbench.api.report import ReportLayout, Table
from dcbench.report.plugins import layout_of, published_numbers
from dcbench.report.published import join
from dcbench.report.report import Report
from dcbench.report.results import Results, failures, frame
from dcbench.report.summary import summarise
from dcbench.report.table import Wanted, lay_out


def grid_tables(summary: pd.DataFrame, wanted: Wanted | None = None) -> list[Table]:
    """Return the tables of the grid over *summary*."""
    return lay_out(ReportLayout(), summary, wanted)


def with_published(summary: pd.DataFrame) -> pd.DataFrame:
    """Return *summary* with the published numbers of the plug-ins that are installed."""
    return join(summary, published_numbers())


def prepared(name: str, summary: pd.DataFrame, sets: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return *summary* as the report called *name* takes it; *sets* are the condensed sets, by default none."""
    given = pd.DataFrame(columns=["digest", "seconds", "device", "origin"]) if sets is None else sets
    return layout_of(name).prepare(summary, lambda: given)


def tables_of(
    name: str, summary: pd.DataFrame, sets: pd.DataFrame | None = None, wanted: Wanted | None = None
) -> list[Table]:
    """Return the tables of the report called *name* over all of *summary*."""
    return lay_out(layout_of(name), prepared(name, summary, sets), wanted)


def report_of(results: Path, *, published: bool = False, tables: Sequence[Table] | None = None) -> Report:
    """Return the grid over all metrics of the folder *results*."""
    found = Results(results, frame(results), failures(results))
    summary = summarise(found.evaluations)
    summary = with_published(summary) if published else summary
    return Report(grid_tables(summary) if tables is None else tables, summary, found, found.failures)
