"""``dcbench export``: condensed sets for others, and results as one self-contained file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dcbench.api.errors import RequestError
from dcbench.api.texts import plural
from dcbench.cli.common import data_option, results_option
from dcbench.cli.terminal import say, tell_written
from dcbench.engine.exchange.formats import EXPORTS

if TYPE_CHECKING:
    from dcbench.engine.exchange.sources import Sources
    from dcbench.engine.store.names import CellFiles
    from dcbench.engine.store.store import Store


@click.command("export")
@click.argument("target", metavar="FILE_OR_FOLDER", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(EXPORTS),
    help="What to write. [default: as the name ends: .h5, .safetensors, .pt]",
)
@click.option("--cells", help="Only these cells, named by heads of their digests. [default: all]")
@click.option("--decoded", is_flag=True, help="Write training images in place of the stored ones that hold them.")
@results_option(must_exist=True)
@data_option
def command(target: Path, form: str | None, cells: str | None, decoded: bool, results: Path, data: Path | None) -> None:
    """Copy results to FILE_OR_FOLDER.

    hdf5 is one file with everything, condensed sets and evaluations. The other formats hold condensed sets alone: one
    set in a file that ends in .safetensors or .pt, or any number in a folder, each under a name that says what it is.
    Selections of training images are written with these images, which are looked for in the data folder.
    """
    from dcbench.cli.common import find_cell, sources_in
    from dcbench.engine.exchange.formats import export_format
    from dcbench.engine.selectors import split_list
    from dcbench.engine.store.store import Store

    form = export_format(target, form)
    store = Store(results)
    chosen = [find_cell(store, text) for text in split_list(cells)] if cells else None
    sources = sources_in(data)
    if form != "hdf5":
        _export_sets(store, target, form, sources, chosen, decoded=decoded)
    elif decoded:
        raise RequestError("--decoded goes with images, safetensors and pt; an HDF5 export is a copy of the results")
    else:
        _export_all(store, target, sources, chosen)


def _export_all(store: Store, target: Path, sources: Sources, cells: list[CellFiles] | None) -> None:
    from dcbench.engine.exchange.archive import write_archive

    done = write_archive(store, target, sources, cells)
    if not done.files:
        raise RequestError(f"there is nothing in {store.root} to export")
    for line in done.without_pixels:
        say(f"warning: exported as indices alone: {line}", err=True)
    tell_written(target, f"{plural(done.files, 'file')} of results")


def _export_sets(
    store: Store, target: Path, form: str, sources: Sources, cells: list[CellFiles] | None, *, decoded: bool
) -> None:
    from dcbench.engine.exchange.exporting import export_sets

    written = export_sets(store, target, form, sources, cells, decoded=decoded)
    if not written:
        raise RequestError(f"there is no condensed set in {store.root} to export")
    for path in written:
        say(path)
    tell_written(target, plural(len(written), "condensed set"))
