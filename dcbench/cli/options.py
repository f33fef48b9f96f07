"""Options that several commands share, and comma lists as click types."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from dcbench.engine.selectors import split_list

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class CommaList(click.ParamType):  # type: ignore[type-arg]  # generic only since click 8.3
    """A comma list; commas inside of brackets do not separate."""

    name = "LIST"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ARG002
        """Split a text; leave a tuple as it is."""
        return tuple(split_list(value)) if isinstance(value, str) else tuple(value)


class Numbers(click.ParamType):  # type: ignore[type-arg]  # generic only since click 8.3
    """A comma list of finite numbers, each above a limit if there is one."""

    name = "NUMBERS"

    def __init__(self, above: float = -math.inf) -> None:
        self._above = above

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a tuple of floats.

        Raises:
            click.BadParameter: a part is no such number.
        """
        try:
            numbers = tuple(map(float, value.split(",") if isinstance(value, str) else value))
        except ValueError:
            numbers = ()
        if not numbers or not all(math.isfinite(number) and number > self._above for number in numbers):
            limit = "" if self._above == -math.inf else f" above {self._above:g}"
            self.fail(f"{value!r} is no list of numbers{limit}, such as 0.49,0.48,0.45", param, ctx)
        return numbers


class OutputFile(click.Path):
    """A file to write, in a folder that is there: better said before minutes are spent on what goes into it."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path.

        Raises:
            click.BadParameter: it is a folder, or the folder that it is to be in is not there.
        """
        path = Path(str(super().convert(value, param, ctx)))
        if not path.parent.is_dir():
            self.fail(f"there is no folder {path.parent}", param, ctx)
        return path


def together(*options: Decorator) -> Decorator:
    """Return one decorator that adds all *options*, in this order."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def results_option(*, must_exist: bool) -> Decorator:
    """Return the option ``--results``."""
    kind = click.Path(file_okay=False, exists=must_exist, path_type=Path)
    return click.option("--results", type=kind, default=Path("results"), show_default=True, help="Results folder.")


data_option = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder with the datasets. [default: $DCBENCH_DATA, or the user's data folder]",
)

selection_options = together(
    click.option("--methods", type=CommaList(), help="Such as m3d,'m3d[factor=1]',dm."),
    click.option("--datasets", type=CommaList(), help="Such as mnist,cifar10,folder:PATH."),
    click.option("--ipc", help="Images per class, such as 1,10,50."),
    click.option("--seeds", help="One condensed set for each, such as 0,1,2 or 0-4. [default: 0; six on digits]"),
    click.option("--protocol", type=CommaList(), help="How networks are trained, such as dc,m3d."),
    click.option("--networks", type=CommaList(), help="What is trained, such as convnet3,resnet10."),
    click.option("--evaluators", type=CommaList(), help="What is measured."),
    click.option("--split", type=click.Choice(["test", "validation"]), help="What is evaluated on."),
)
