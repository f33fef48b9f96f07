"""``dcbench import``: a condensed set made elsewhere, as a finished cell."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dcbench.api.words import plural
from dcbench.cli.options import data_option, results_option

if TYPE_CHECKING:
    from dcbench.engine.exchange.importing import Import, Imported


@click.command("import")
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option("--dataset", required=True, help="The dataset that it condenses, such as cifar10 or folder:PATH.")
@click.option("--name", required=True, metavar="LABEL", help="What to call it; the title of its column.")
@click.option("--ipc", type=click.IntRange(min=1), help="Images per class. [default: counted in the labels]")
@click.option(
    "--factor",
    type=click.IntRange(min=1),
    help="Tiles per side of an image, each a training image (IDC, IDM, M3D). [default: what the file says, or 1]",
)
@click.option(
    "--space",
    type=click.Choice(["pixel", "normalised"]),
    default="pixel",
    show_default=True,
    help="normalised (DC, DSA, DM, IDM): mapped back to pixels with the mean and std that dcbench has of the dataset.",
)
@click.option("--clip", is_flag=True, help="Clip pixels far outside of [0, 1] instead of refusing or keeping them.")
@click.option("--origin", default="", help="Where it comes from, in words; kept with it.")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Which of several sets of one method; in a file with a list of sets, its number.",
)
@click.option("--overwrite", is_flag=True, help="Replace the set of this name, and drop its evaluations.")
@results_option(must_exist=False)
@data_option
def command(results: Path, data: Path | None, **options: Any) -> None:
    """Take the condensed set in FILE into the results, as a cell to evaluate like any other.

    FILE is a .safetensors, .pt, .npz or .h5 file, or a folder with a folder of images for each class. Nothing is ever
    unpickled: a .pt file may hold tensors, lists, dicts and numbers.
    """
    from dcbench.engine.exchange.importing import Import, import_set
    from dcbench.engine.plan.request import default_data_folder
    from dcbench.engine.plugins import load_registry
    from dcbench.engine.store.layout import Layout

    wanted = Import(**options)
    done = import_set(wanted, Layout(results), data or default_data_folder(), load_registry())
    if done.dropped:
        click.echo(f"dropped {plural(len(done.dropped), 'evaluation')} of the set that it replaces")
    click.echo(f"{plural(done.images, 'image')} of {done.cell.dataset.name}, IPC {done.cell.ipc}: {done.path}")
    click.echo(_run_command(wanted, done, results, data))


def _run_command(wanted: Import, done: Imported, results: Path, data: Path | None) -> str:
    """Return the command that evaluates the set."""
    words = ["dcbench", "run", "--methods", done.cell.method.choice, "--datasets", wanted.dataset]
    words += ["--ipc", str(done.cell.ipc), "--seeds", str(done.cell.seed)]
    if results != Path("results"):
        words += ["--results", str(results)]
    if data is not None:
        words += ["--data", str(data)]
    return shlex.join(words)
