"""``dcbench report``: tables of what the store holds."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dcbench.api.errors import RequestError
from dcbench.cli.options import results_option, selection_options

if TYPE_CHECKING:
    import pandas as pd

    from dcbench.report.frame import Filter

FORMATS = ("terminal", "markdown", "latex", "csv", "json")


@click.command("report")
@click.argument("table", type=click.Choice(["grid"]), default="grid")
@click.option("--format", "form", type=click.Choice(FORMATS), default="terminal", show_default=True)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write into this file.")
@click.option("--best-epoch", is_flag=True, help="Show best-epoch figures as well, in tables that say so.")
@click.option("--published", is_flag=True, help="Show published numbers below the measured ones.")
@results_option(must_exist=False)
@selection_options
def command(
    table: str,  # noqa: ARG001  (there is one so far)
    form: str,
    output: Path | None,
    best_epoch: bool,
    published: bool,
    results: Path,
    **options: Any,
) -> None:
    """Print the comparison table: rows are dataset x IPC, columns are methods."""
    from dcbench.report.comparison import beside
    from dcbench.report.frame import failures, frame
    from dcbench.report.summary import summarise

    if not results.is_dir():
        raise RequestError(f"there is no results folder {results}; 'dcbench run' makes one")
    chosen = _filter(options | {"also_under": _also_under() if published else {}})
    summary = summarise(chosen.apply(frame(results)))
    if published:
        summary = beside(summary)
    text = _render(
        form,
        summary,
        list(chosen.methods),
        len(chosen.apply(failures(results))),
        best_epoch,
        to_file=output is not None,
    )
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text)


def _filter(options: dict[str, Any]) -> Filter:
    from dcbench.engine.plan.request import parse_numbers
    from dcbench.report.frame import Filter

    numbers = {
        name: parse_numbers(options[name], f"--{name}", least)
        for name, least in (("ipc", 1), ("seeds", 0))
        if options[name]
    }
    return Filter(**{name: value for name, value in (options | numbers).items() if value})


def _also_under() -> dict[str, str]:
    """Return the protocol of published numbers for each method whose record names one."""
    from dcbench.engine.plugins import load_registry

    records = [found.record for found in load_registry().of_kind("methods")]
    return {record.name: record.also_under for record in records if record.also_under}


def _render(
    form: str, summary: pd.DataFrame, labels: list[str], failed: int, best_epoch: bool, *, to_file: bool
) -> str:
    from dcbench.report import render
    from dcbench.report.grid import grid_tables

    shown = summary if best_epoch else summary[summary["main"].astype(bool)]
    if form == "csv":
        return render.csv(shown)
    if form == "json":
        return render.json(shown)
    tables = grid_tables(shown, labels, failed=failed)
    if form == "markdown":
        return render.markdown(tables)
    if form == "latex":
        return render.latex(tables)
    live = sys.stdout.isatty() and not to_file
    return render.terminal(tables, width=_width() if live else None, colour=live)


def _width() -> int:
    import shutil

    return shutil.get_terminal_size().columns
