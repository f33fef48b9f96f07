"""``dcbench figure``: what the store holds, drawn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from dcbench.api.errors import RequestError
from dcbench.cli.common import CommaList, OutputFile, data_option, results_option, selection_options
from dcbench.cli.terminal import tell_written

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dcbench.report.filters import Filter
    from dcbench.report.results import Results

NAMES = ("curves", "ipc", "images", "setting")


@click.command("figure")
@click.argument("name", type=click.Choice(NAMES))
@click.option("--output", type=OutputFile(), required=True, help="A .svg, .png or .pdf file.")
@click.option(
    "--over",
    type=click.Choice(["steps", "seconds"]),
    default="steps",
    show_default=True,
    help="For curves: matching steps, or seconds of condensing.",
)
@click.option("--cell", metavar="DIGEST", help="For images: the cell, where the filters fit more than one.")
@click.option("--decoded", is_flag=True, help="For images: those that networks are trained on, not the stored ones.")
@click.option(
    "--setting",
    type=CommaList(),
    metavar="FIELD[,FIELD...]",
    help="For setting: the one that changes, and those that may change with it, such as kernel,lr.",
)
@results_option(must_exist=False)
@data_option
@selection_options
def command(
    name: str,
    output: Path,
    over: Literal["steps", "seconds"],
    cell: str | None,
    decoded: bool,
    setting: tuple[str, ...] | None,
    results: Path,
    data: Path | None,
    **options: Any,
) -> None:
    """Draw a figure of finished cells.

    curves: accuracy over matching steps or seconds, after 'dcbench run --snapshots'. ipc: accuracy over images per
    class. images: the condensed images of one cell, next to those it began with. setting: accuracy over one setting of
    one method, with the time if it is a number, such as iterations_per_model.
    """
    from dcbench.cli.common import filter_of
    from dcbench.report.figures.style import format_of, save
    from dcbench.report.reading import check_folder

    check_folder(results)
    format_of(output)  # refused before minutes are spent
    chosen = filter_of(options)
    match name:
        case "curves":
            figure = _curves(results, chosen, over)
        case "ipc":
            figure = _ipc(results, chosen)
        case "images":
            figure = _images(results, chosen, cell, data, decoded=decoded)
        case _:
            figure = _setting(results, chosen, setting or ())
    save(figure, output)
    tell_written(output)


def _results(results: Path, chosen: Filter) -> Results:
    from dcbench.report.results import read_results

    return read_results(results, chosen, needed=True)


def _curves(results: Path, chosen: Filter, over: Literal["steps", "seconds"]) -> Figure:
    from dcbench.report.figures.curves import accuracy_over

    found = _results(results, chosen)
    return accuracy_over(found.evaluations, found.sets, over)


def _ipc(results: Path, chosen: Filter) -> Figure:
    from dcbench.report.figures.curves import accuracy_over_ipc

    return accuracy_over_ipc(_results(results, chosen).evaluations)


def _setting(results: Path, chosen: Filter, setting: tuple[str, ...]) -> Figure:
    from dcbench.report.figures.sweeps import sweep

    if not setting:
        raise RequestError("say which setting with --setting, such as --setting iterations_per_model")
    found = _results(results, replace(chosen, methods=()))
    table, sets = found.evaluations, found.sets
    with_it = sets[sets["digest"].isin(table["digest"]) & sets["settings"].map(lambda settings: setting[0] in settings)]
    if chosen.methods:  # the name of a method alone selects all of its settings, which are compared
        with_it = with_it[with_it[["method", "label"]].isin(list(chosen.methods)).any(axis=1)]
    methods = sorted(with_it["method"].unique())
    if len(methods) > 1:
        raise RequestError(f"{', '.join(methods)} have a setting {setting[0]!r}; choose one with --methods")
    if not methods:
        of = f" of {', '.join(chosen.methods)}" if chosen.methods else ""
        raise RequestError(f"no finished cell{of} here has a setting {setting[0]!r}; 'dcbench run' makes some")
    return sweep(table[table["digest"].isin(with_it["digest"])], sets, methods[0], setting[0], setting[1:])


def _images(results: Path, chosen: Filter, cell: str | None, data: Path | None, *, decoded: bool) -> Figure:
    from dcbench.cli.common import sources_in
    from dcbench.engine.store.sets import read_condensed
    from dcbench.report.figures.images import condensed_grid

    record = read_condensed(_chosen_file(results, chosen, cell))
    return condensed_grid(record, decoded=decoded, train=sources_in(data).of(record))


def _chosen_file(results: Path, chosen: Filter, cell: str | None) -> Path:
    from dcbench.cli.common import condensed_file, find_cell
    from dcbench.engine.store.store import Store
    from dcbench.report.results import sets

    if cell is not None:
        return condensed_file(find_cell(Store(results), cell))
    found = chosen.apply(sets(results))
    if found.empty:
        raise RequestError("no condensed set fits here; 'dcbench run' makes some")
    if len(found) > 1:
        heads = ", ".join(f"{row['digest'][:12]} ({row['label']})" for row in found.head(5).to_dict("records"))
        raise RequestError(f"{len(found)} condensed sets fit; name one with --cell: {heads}")
    return Path(found["file"].iloc[0])
