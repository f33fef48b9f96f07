"""``dcbench show``: one cell on a card, and its images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dcbench.api.errors import RequestError
from dcbench.cli.common import OutputFile, data_option, results_option
from dcbench.cli.terminal import say, show, tell_written

if TYPE_CHECKING:
    from dcbench.engine.store.names import CellFiles
    from dcbench.engine.store.store import Store


@click.command("show")
@click.argument("cell", required=False)
@click.option(
    "--image",
    type=OutputFile(),
    help="Draw the condensed images, next to the initial ones, into this .png, .svg or .pdf file.",
)
@results_option(must_exist=False)
@data_option
def command(cell: str | None, image: Path | None, results: Path, data: Path | None) -> None:
    """Show CELL, named by the head of its digest or by a file, on a card. Without CELL, list all, failed ones too."""
    from dcbench.cli.common import find_cell
    from dcbench.engine.store.store import Store

    store = Store(results)
    if cell is None:
        if image is not None:
            raise RequestError("--image draws one cell; 'dcbench show' lists all")
        _list(store)
        return
    files = find_cell(store, cell)
    show(_card(files))
    if image is not None:
        _draw(files, image, data)


def _list(store: Store) -> None:
    from dcbench.report.reading import check_folder

    check_folder(store.root)
    cells = store.by_cell()
    if not cells:
        say(f"there is no cell in {store.root}", err=True)
    for paths in cells.values():
        facts = next(filter(None, map(_facts, paths)), None)
        if facts is not None:
            place = f"{facts['dataset']} ipc {facts['ipc']} {facts['label']} replicate {facts['seed']}"
            say(f"{facts['digest'][:12]}  {place}{_state(paths)}")


def _facts(path: Path) -> dict[str, Any] | None:
    """Return the facts in one file of a cell; None if it cannot be read."""
    from dcbench.engine.store.evaluations import read_evaluation
    from dcbench.engine.store.facts import read_about
    from dcbench.engine.store.failures import load_failure
    from dcbench.engine.store.names import is_condensed, is_failure, is_part
    from dcbench.report.reading import read_or_warn

    if is_failure(path):
        facts = read_or_warn(load_failure, path)
        return facts if facts and facts.get("digest") else None
    if is_condensed(path) or is_part(path):
        return read_or_warn(lambda each: read_about(each)[0], path)
    return read_or_warn(read_evaluation, path)


def _state(paths: list[Path]) -> str:
    """Return a remark on the cell with the files *paths*: a job failed, or there is no condensed set."""
    from dcbench.engine.store.names import is_condensed, is_failure
    from dcbench.report.reading import read_failures

    if read_failures(filter(is_failure, paths)):
        return "  failed"
    return "" if is_condensed(paths[0]) else "  no condensed set"


def _card(files: CellFiles) -> str:
    from dcbench.cli.terminal import is_terminal, terminal_width
    from dcbench.report.card import card
    from dcbench.report.text import drawn

    return drawn(card(files), width=terminal_width(), colour=is_terminal())


def _draw(files: CellFiles, image: Path, data: Path | None) -> None:
    from dcbench.cli.common import condensed_file, sources_in
    from dcbench.engine.store.sets import read_condensed
    from dcbench.report.figures.images import condensed_grid
    from dcbench.report.figures.style import format_of, save

    format_of(image)
    record = read_condensed(condensed_file(files))
    save(condensed_grid(record, train=sources_in(data).of(record)), image)
    tell_written(image)
