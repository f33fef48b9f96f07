"""The part of ``dcbench report`` that keeps reports, and prints those that were kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dcbench.api.errors import RequestError
from dcbench.cli.terminal import say, show

if TYPE_CHECKING:
    import pandas as pd

    from dcbench.report.tables import Table


def refuse_others(context: click.Context) -> None:
    """Refuse what stands on the command line beside ``--stored`` and would be ignored.

    Raises:
        RequestError: an option is given that only a new report has.
    """
    given = [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name not in ("stored", "results")
        and context.get_parameter_source(str(parameter.name)) is click.core.ParameterSource.COMMANDLINE
    ]
    if given:
        raise RequestError(f"--stored prints a report as it was kept, and takes --results only; not {', '.join(given)}")


def show_stored(results: Path, name: str) -> None:
    """Print the stored report called *name*, or a line for each if there is no name."""
    from dcbench.engine.store.layout import Layout
    from dcbench.report.results import frame
    from dcbench.report.stored import describe, list_reports, read_report, state

    layout, rows = Layout(results), frame(results)
    if name:
        report = read_report(layout.report(name))
        show(report.text)
        say(f"stored {report.made}, {state(report, rows)}")
        return
    reports = list_reports(layout)
    for report in reports:
        say(describe(report, rows))
    if not reports:
        say(f"There are no stored reports in {results}.")


def place_of(results: Path, name: str) -> Path:
    """Return the file for the report that is to be called *name*.

    Raises:
        RequestError: no file can have that name.
    """
    from dcbench.engine.store.layout import Layout

    path = Layout(results).report(name)
    if path.stem != name:
        raise RequestError(f"--store {name!r}: a name is made of letters, digits and . _ + -, such as {path.stem}")
    return path


def keep(path: Path, summary: pd.DataFrame, tables: list[Table], *, overwrite: bool) -> None:
    """Store a report at *path*: the numbers of *summary*, and *tables* as text.

    Raises:
        RequestError: there is another report, and it is not to be overwritten.
    """
    from dcbench.report.render import terminal
    from dcbench.report.stored import is_stored, store_report

    text = terminal(tables)
    if path.exists() and not overwrite and not is_stored(path, summary, text):
        raise RequestError(f"another report is stored as {path}; choose another name, or add --overwrite")
    store_report(path, summary, text)
    say(f"report stored as {path}", err=True)
