"""``dcbench show``: one cell on a card, and its images."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dcbench.api.errors import RequestError
from dcbench.cli.options import OutputFile, data_option, results_option

if TYPE_CHECKING:
    from dcbench.engine.store.layout import Layout


@click.command("show")
@click.argument("cell", required=False)
@click.option(
    "--image",
    type=OutputFile(),
    help="Draw the condensed images, beside the initial ones, into this .png, .svg or .pdf file.",
)
@results_option(must_exist=False)
@data_option
def command(cell: str | None, image: Path | None, results: Path, data: Path | None) -> None:
    """Show CELL, named by the head of its digest or by a file, on a card. Without CELL, list all."""
    from dcbench.cli.cells import find_stem
    from dcbench.engine.store.layout import Layout

    layout = Layout(results)
    if cell is None:
        if image is not None:
            raise RequestError("--image draws one cell; 'dcbench show' lists all")
        _list(layout)
        return
    stem = find_stem(layout, cell)
    click.echo(_card(stem), nl=False)
    if image is not None:
        _draw(stem, image, data)


def _list(layout: Layout) -> None:
    from dcbench.cli.cells import check_folder
    from dcbench.engine.store.hdf5 import CorruptFileError, get_facts, reading

    check_folder(layout.root)
    paths = layout.all_condensed()
    if not paths:
        click.echo(f"there is no condensed set in {layout.root}", err=True)
    for path in paths:
        try:
            with reading(path, "condensed") as file:
                facts = get_facts(file)
        except CorruptFileError as error:
            warnings.warn(str(error), stacklevel=1)
            continue
        click.echo(
            f"{facts['digest'][:12]}  {facts['dataset']} ipc {facts['ipc']} {facts['label']} seed {facts['seed']}"
        )


def _card(stem: Path) -> str:
    from dcbench.cli.terminal import terminal_width
    from dcbench.report.card import card
    from dcbench.report.drawing import drawn

    return drawn(card(stem), width=terminal_width(), colour=sys.stdout.isatty())


def _draw(stem: Path, image: Path, data: Path | None) -> None:
    from dcbench.cli.cells import condensed_file
    from dcbench.cli.sources import sources_in
    from dcbench.engine.store.sets import read_condensed
    from dcbench.report.figures.images import condensed_grid
    from dcbench.report.figures.style import format_of, save

    format_of(image)
    record = read_condensed(condensed_file(stem))
    save(condensed_grid(record, train=sources_in(data).of(record)), image)
    click.echo(f"images drawn to {image}", err=True)
