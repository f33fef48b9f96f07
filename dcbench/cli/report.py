"""``dcbench report``: tables of what the store holds, kept reports, and the page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dcbench.api.errors import RequestError
from dcbench.cli.common import OutputFile, data_option, filter_of, results_option, selection_options, sources_in
from dcbench.cli.terminal import is_terminal, say, show, table_width, tell_written

if TYPE_CHECKING:
    from dcbench.engine.store.store import Store
    from dcbench.report.report import Report

FORMATS = ("terminal", "markdown", "latex", "csv", "json", "html")


class _ReportName(click.ParamType):  # type: ignore[type-arg]  # generic only since click 8.3
    """The name of a report. Plug-ins are loaded when a name is given, not for help and completion."""

    name = "TABLE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the name.

        Raises:
            click.BadParameter: no report is called so.
        """
        from dcbench.report.plugins import reports

        if value not in reports():
            self.fail(f"{value!r} is not one of {', '.join(map(repr, reports()))}.", param, ctx)
        return value


@click.command("report")
@click.argument("table", type=_ReportName(), default="grid")
@click.option("--format", "form", type=click.Choice(FORMATS), default="terminal", show_default=True)
@click.option("--output", type=OutputFile(), help="Write into this file.")
@click.option("--best-epoch", is_flag=True, help="Show metrics of the best epoch as well, in tables of their own.")
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
    """Print a report. The default, grid, compares methods over dataset x IPC; 'dcbench list reports' shows all.

    A table wider than the terminal goes on in parts below each other. Text that goes elsewhere is broken only if the
    variable COLUMNS gives a width; markdown and files never are.

    A report that is about one protocol or evaluator shows that, unless --protocol or --evaluators is given.
    """
    from dcbench.engine.store.delivering import deliver_text
    from dcbench.engine.store.store import Store
    from dcbench.report.reading import check_folder

    check_folder(results)
    if stored is not None:
        _refuse_others(click.get_current_context())
        _show_stored(Store(results), stored)
        return
    if overwrite and store is None:
        raise RequestError("--overwrite goes with --store")
    path = None if store is None else _path_of(Store(results), store)

    from dcbench.report.report import Query, build

    report = build(Query(results, table, filter_of(options), published=published, best_epoch=best_epoch))
    if path is not None:
        from dcbench.report.stored import keep

        keep(path, report, overwrite=overwrite)
        say(f"report stored as {path}", err=True)
    text = _render(report, form, data, to_file=output is not None)
    if output is None:
        show(text)
    else:
        deliver_text(output, text)
        tell_written(output)


def _render(report: Report, form: str, data: Path | None, *, to_file: bool) -> str:
    from dcbench.report import render

    if form == "html":
        from dcbench.report.page import page

        return page(report, sources_in(data).of)
    if form in ("csv", "json"):
        return (render.csv if form == "csv" else render.json)(report.summary, report.fields)
    if form in ("markdown", "latex"):
        return (render.markdown if form == "markdown" else render.latex)(report.tables)
    if to_file:
        return render.terminal(report.tables)
    return render.terminal(report.tables, width=table_width(), colour=is_terminal())


def _refuse_others(context: click.Context) -> None:
    """Refuse options next to ``--stored`` that would be ignored.

    Raises:
        RequestError: an option is given that belongs to a new report only.
    """
    given = [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name not in ("stored", "results")
        and context.get_parameter_source(str(parameter.name)) is click.core.ParameterSource.COMMANDLINE
    ]
    if given:
        raise RequestError(f"--stored prints a report as it was kept, and takes --results only; not {', '.join(given)}")


def _show_stored(store: Store, name: str) -> None:
    """Print the stored report called *name*, or a line for each if there is no name."""
    from dcbench.report.results import frame
    from dcbench.report.stored import describe, list_reports, read_report, state

    evaluations = frame(store.root)
    if name:
        report = read_report(store.report(name))
        show(report.text)
        say(f"stored {report.made}, {state(report, evaluations)}")
        return
    reports = list_reports(store)
    for report in reports:
        say(describe(report, evaluations))
    if not reports:
        say(f"There are no stored reports in {store.root}.")


def _path_of(store: Store, name: str) -> Path:
    """Return the file for the report that is to be called *name*.

    Raises:
        RequestError: a file cannot have that name.
    """
    path = store.report(name)
    if path.stem != name:
        raise RequestError(f"--store {name!r}: a name is made of letters, digits and . _ + -, such as {path.stem}")
    return path
