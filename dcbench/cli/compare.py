"""``dcbench compare``: two results folders side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dcbench.api.errors import RequestError
from dcbench.cli.common import filter_of, selection_options
from dcbench.cli.terminal import is_terminal, show, terminal_width

if TYPE_CHECKING:
    from dcbench.report.compare.contents import Contents
    from dcbench.report.filters import Filter

_FOLDER = click.Path(path_type=Path)


@click.command("compare")
@click.argument("a", type=_FOLDER)
@click.argument("b", type=_FOLDER)
@click.option(
    "--format",
    "form",
    type=click.Choice(["terminal", "markdown", "csv", "json"]),
    default="terminal",
    show_default=True,
    help="csv holds the metrics alone.",
)
@selection_options
def command(a: Path, b: Path, form: str, **options: Any) -> None:
    """Compare the results folders A and B.

    Shows what is in one only, what differs in how cells were made, whether their images are the same, and the metrics
    of trials that are in both, with a paired test over the evaluation seeds that they share.
    """
    from dcbench.report.compare import render
    from dcbench.report.compare.comparison import compare

    chosen = filter_of(options)
    comparison = compare(_read(a, chosen), _read(b, chosen))
    names = [str(a), str(b)]
    if form == "csv":
        text = render.csv(comparison)
    elif form == "json":
        text = render.json(comparison, names)
    elif form == "markdown":
        text = render.markdown(comparison, names)
    else:
        text = render.terminal(comparison, names, width=terminal_width(), colour=is_terminal())
    show(text)


def _read(results: Path, chosen: Filter) -> Contents:
    from dcbench.report.compare.contents import read_contents

    contents = read_contents(results, chosen)
    if not contents.entries:
        from dcbench.report.results import frame

        unmet = next(chosen.unmet(frame(results)), "it holds no finished cell to compare")
        raise RequestError(f"{results}: {unmet}")
    return contents
