"""``dcbench report``: tables of what the store holds."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dcbench.api.errors import RequestError
from dcbench.api.words import plural
from dcbench.cli.options import OutputFile, data_option, results_option, selection_options
from dcbench.cli.terminal import is_terminal, show, table_width, tell_written
from dcbench.report.names import TABLES

if TYPE_CHECKING:
    import pandas as pd

    from dcbench.report.filters import Filter
    from dcbench.report.tables import Table

_BEST_EPOCH = "accuracy_best_epoch"

FORMATS = ("terminal", "markdown", "latex", "csv", "json", "html")


@click.command("report")
@click.argument("table", type=click.Choice(TABLES), default="grid")
@click.option("--format", "form", type=click.Choice(FORMATS), default="terminal", show_default=True)
@click.option("--output", type=OutputFile(), help="Write into this file.")
@click.option("--best-epoch", is_flag=True, help="Show best-epoch accuracies as well, in tables that say so.")
@click.option("--published", is_flag=True, help="Show published numbers below the measured ones.")
@click.option("--store", metavar="NAME", help="Keep this report in the results folder under this name.")
@click.option(
    "--overwrite", is_flag=True, help="With --store, replace the report of that name if its numbers or text are others."
)
@click.option(
    "--stored", metavar="[NAME]", is_flag=False, flag_value="", help="Print a stored report; without NAME list all."
)
@results_option(must_exist=False)
@data_option
@selection_options
def command(
    table: str,
    form: str,
    output: Path | None,
    best_epoch: bool,
    published: bool,
    store: str | None,
    overwrite: bool,
    stored: str | None,
    results: Path,
    data: Path | None,
    **options: Any,
) -> None:
    """Print a table: grid compares methods over dataset x IPC; the others have the shape of the M3D paper's tables.

    A table wider than the terminal goes on in parts below each other. Text that goes elsewhere is broken only if the
    variable COLUMNS gives a width; markdown and files never are.

    table1: distances of moments. table2: as the grid, with the share of the data. table3: accuracy and time. table4:
    evaluation networks as columns. Without --protocol and --evaluators each shows what the paper's table is about.
    """
    from dcbench.cli.stored import keep, place_of, refuse_others, show_stored
    from dcbench.engine.store.delivering import deliver_text
    from dcbench.report.reading import check_folder

    check_folder(results)
    if stored is not None:
        refuse_others(click.get_current_context())
        show_stored(results, stored)
        return
    if overwrite and store is None:
        raise RequestError("--overwrite goes with --store")
    place = None if store is None else place_of(results, store)

    from dcbench.cli.filters import filter_of, finished
    from dcbench.report.results import failures, sets
    from dcbench.report.selection import shown_in
    from dcbench.report.summary import entries
    from dcbench.report.tables import Wanted, completed, make_tables

    also = {"also_under": _also_under() if published else {}, "without_protocol": table == "table1"}
    chosen = filter_of(options | also)
    rows, failed = finished(results, chosen), chosen.apply(failures(results))
    summary = _summary(table, rows, chosen, published=published, best_epoch=best_epoch)
    summary = completed(table, summary, lambda: sets(results))
    tables = make_tables(table, summary, Wanted(list(chosen.methods), failed=entries(failed)))
    summary = shown_in(tables, summary)
    if not tables:
        _say_why(table, rows, len(failed))
    if place is not None:
        keep(place, summary, tables, overwrite=overwrite)
    if form == "html":
        text = _page(tables, summary, rows, sets(results), failed, data)
    else:
        text = _render(form, tables, summary, to_file=output is not None)
    if output is None:
        show(text)
    else:
        deliver_text(output, text)
        tell_written(output)


def _summary(table: str, rows: pd.DataFrame, chosen: Filter, *, published: bool, best_epoch: bool) -> pd.DataFrame:
    """Return what *table* is made of: *rows*, those that were *chosen*, as one line for each number."""
    from dcbench.report.beside import beside
    from dcbench.report.summary import main_metrics, summarise
    from dcbench.report.tables import usual

    summary = summarise(rows)
    if not (chosen.protocol or chosen.evaluators):
        summary = usual(table, summary)
    if published:
        summary = beside(summary)
    shown = main_metrics(summary, whole=["moments"] if table == "table1" else [])
    if not best_epoch:
        return shown
    return summary[summary.index.isin(shown.index) | (summary["metric"] == _BEST_EPOCH)]


def _say_why(table: str, rows: pd.DataFrame, failed: int) -> None:
    """Warn of why *table* is empty, where it need not be: there are *rows* of other kinds, or *failed* jobs."""
    from dcbench.report.tables import SUBJECT

    if len(rows) and table in SUBJECT:
        there = sorted(rows.loc[rows["evaluator"] == "accuracy", "protocol"].unique())
        others = table != "table1" and there  # the one table that is about an evaluator, whatever the protocol
        hint = f"; --protocol {','.join(there)} shows what is" if others else ""
        warnings.warn(f"{table} is about {SUBJECT[table]}; no finished cell here is{hint}", stacklevel=2)
    elif failed and not len(rows):
        jobs = plural(failed, "job")
        warnings.warn(f"{jobs} failed; 'dcbench show' lists the cells, and shows why for each", stacklevel=2)


def _also_under() -> dict[str, str]:
    """Return the protocol of published numbers for each method whose record names one."""
    from dcbench.engine.registry import load_registry

    records = [found.record for found in load_registry().of_group("methods")]
    return {record.name: record.also_under for record in records if record.also_under}


def _page(
    tables: list[Table],
    summary: pd.DataFrame,
    rows: pd.DataFrame,
    sets: pd.DataFrame,
    failed: pd.DataFrame,
    data: Path | None,
) -> str:
    from dcbench.cli.sources import sources_in
    from dcbench.report.page import Contents, page

    return page(Contents(tables, summary, rows, sets, failed), sources_in(data).of)


def _render(form: str, tables: list[Table], summary: pd.DataFrame, *, to_file: bool) -> str:
    from dcbench.report import render

    match form:
        case "csv":
            return render.csv(summary)
        case "json":
            return render.json(summary)
        case "markdown":
            return render.markdown(tables)
        case "latex":
            return render.latex(tables)
    if to_file:
        return render.terminal(tables)
    return render.terminal(tables, width=table_width(), colour=is_terminal())
