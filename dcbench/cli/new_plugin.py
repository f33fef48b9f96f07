"""``dcbench new-plugin``: a package to start a plug-in from."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from dcbench.cli.terminal import say
from dcbench.scaffold.package import KINDS


@click.command("new-plugin")
@click.argument("name")
@click.option("--kind", type=click.Choice(list(KINDS)), default="method", show_default=True, help="What it plugs in.")
@click.option(
    "--directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="Where the folder NAME is made. [default: here]",
)
def command(name: str, kind: str, directory: Path) -> None:
    """Write an installable package with a working plug-in called NAME, its test and a README."""
    from dcbench.engine.registry import load_registry
    from dcbench.scaffold.names import parse_name, refuse_taken
    from dcbench.scaffold.package import create, run_command

    names = parse_name(name)
    refuse_taken(names, load_registry())
    folder = create(kind, names, directory)
    say(f"wrote {folder}: the {kind} is in {folder / 'src' / names.module / kind}.py. Next:")
    say(f"  pip install -e {shlex.quote(str(folder))}")
    say(f"  {run_command(kind, names)}")
