"""``dcbench import``: a condensed set made elsewhere, as a finished cell."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dcbench.api.errors import RequestError
from dcbench.api.texts import plural
from dcbench.cli.common import Numbers, data_option, results_option
from dcbench.cli.notices import noticing
from dcbench.cli.terminal import say
from dcbench.engine.ranges import range_text, ranges_of

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
    type=click.Choice(["pixel", "bytes", "normalised", "zca", "zca-normalised"]),
    default="pixel",
    show_default=True,
    help="What the numbers of images are. pixel: in [0, 1], or uint8. bytes: 0 to 255. normalised (DC, DSA, DM, IDM): "
    "mapped back to pixels with mean and std. zca (MTT, DATM): whitened, undone with the training images; "
    "zca-normalised (DataDAM): normalised first.",
)
@click.option("--mean", type=Numbers(), help="Of each channel, for normalised images. [default: of the dataset]")
@click.option("--std", type=Numbers(above=0), help="Of each channel, for normalised images. [default: of the dataset]")
@click.option(
    "--labels",
    type=click.Choice(["hard", "soft", "logits", "centred"]),
    help="What labels (N, classes) are: soft, probabilities; logits, before a softmax; centred, one-hot minus "
    "1/classes, taken as classes; hard, the likeliest class alone. [default: as they are, if probabilities]",
)
@click.option(
    "--folders",
    type=click.Choice(["names", "numbers"]),
    help="What the folders of an image folder are called: as classes are, or by their labels.",
)
@click.option("--clip", is_flag=True, help="Clip pixels far outside of [0, 1] instead of refusing or keeping them.")
@click.option("--any-range", is_flag=True, help="Take the numbers of images as they are, however far they reach.")
@click.option("--origin", default="", help="Where it comes from, in words; kept with it.")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Which of several sets of one method; of a file with a list of sets, which one. [default: 0, or all]",
)
@click.option("--overwrite", is_flag=True, help="Replace the set of this name, and drop its evaluations.")
@results_option(must_exist=False)
@data_option
def command(results: Path, data: Path | None, **options: Any) -> None:
    """Take the condensed set in FILE into the results, as a cell to evaluate like any other.

    FILE is a .safetensors, .pt, .pkl, .npz or .h5 file, or a folder with a folder of images for each class. A file with
    the sets of several experiments becomes as many seeds. Nothing that could run is ever unpickled: a .pt or .pkl file
    may hold tensors, lists, dicts and numbers. The training images of the dataset must be there; none are fetched.
    """
    from dcbench.api.folders import data_folder
    from dcbench.engine.exchange.importing import import_sets
    from dcbench.engine.exchange.layouts import claim_text
    from dcbench.engine.registry import load_registry
    from dcbench.engine.store.store import Store

    wanted = _wanted(options)
    if wanted.meaning.space.startswith("zca"):
        say("the whitening is computed from the training images, which takes a while", err=True)
    with noticing() as tell:
        done = import_sets(wanted, Store(results), data or data_folder(), load_registry(), tell)
    for one in done:
        if one.dropped:
            say(f"dropped {plural(len(one.dropped), 'evaluation')} of the set that it replaces")
        say(f"{plural(one.images, 'image')} of {one.cell.dataset.title}, IPC {one.cell.ipc}: {one.path}")
        for line in one.notes:
            say(f"  {line}")
        for network, values in one.claimed.items():
            say(f"  the file claims for {network}: {claim_text(values)}")
    say(_run_command(wanted, done, results, data))


def _wanted(options: dict[str, Any]) -> Import:
    """Return what the command line asks for.

    Raises:
        RequestError: it says how images were normalised that are not.
    """
    from dcbench.engine.exchange.adapting import NORMALISED, Meaning
    from dcbench.engine.exchange.importing import Import

    space = options["space"]
    for name in ("mean", "std"):
        if options[name] and space not in NORMALISED:
            raise RequestError(f"--{name} changes nothing with --space {space}; it goes with --space normalised")
    if options["any_range"] and options["clip"]:
        raise RequestError("--clip and --any-range contradict each other")
    meaning = {field.name: options.pop(field.name) for field in fields(Meaning)}
    return Import(**options, meaning=Meaning(**{name: value for name, value in meaning.items() if value}))


def _run_command(wanted: Import, done: Sequence[Imported], results: Path, data: Path | None) -> str:
    """Return the command that evaluates the sets."""
    cell = done[0].cell
    seeds = ",".join(map(range_text, ranges_of(one.cell.replicate for one in done)))
    words = ["dcbench", "run", "--methods", cell.method.selector, "--datasets", wanted.dataset]
    words += ["--ipc", str(cell.ipc), "--seeds", seeds]
    if results != Path("results"):
        words += ["--results", str(results)]
    if data is not None:
        words += ["--data", str(data)]
    return shlex.join(words)
