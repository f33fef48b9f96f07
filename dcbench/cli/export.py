"""``dcbench export``: results as one self-contained file."""

from __future__ import annotations

from pathlib import Path

import click

from dcbench.api.errors import RequestError
from dcbench.cli.options import results_option


@click.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--cells", help="Only these cells, named by heads of their digests. [default: all]")
@results_option(must_exist=True)
def command(file: Path, cells: str | None, results: Path) -> None:
    """Copy results into one self-contained HDF5 FILE: condensed sets and evaluations, each as a group."""
    from dcbench.cli.cells import find_stem
    from dcbench.engine.choices import split_list
    from dcbench.engine.store.export import export
    from dcbench.engine.store.layout import Layout

    layout = Layout(results)
    stems = [find_stem(layout, text) for text in split_list(cells)] if cells else None
    count = export(layout, file, stems)
    if not count:
        raise RequestError(f"there is nothing in {results} to export")
    click.echo(f"{count} files in {file}")
