"""What commands have in common: options, a filter of results, the cell that a user names, and sources of images."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dcbench.api.errors import RequestError
from dcbench.engine.selectors import canonical, split_list
from dcbench.engine.store.names import CellFiles

if TYPE_CHECKING:
    from pathlib import Path

    from dcbench.engine.exchange.sources import Sources
    from dcbench.engine.store.store import Store
    from dcbench.report.filters import Filter


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
            click.BadParameter: a part is not such a number.
        """
        try:
            numbers = tuple(map(float, value.split(",") if isinstance(value, str) else value))
        except ValueError:
            numbers = ()
        if not numbers or not all(math.isfinite(number) and number > self._above for number in numbers):
            limit = "" if self._above == -math.inf else f" above {self._above:g}"
            self.fail(f"{value!r} is not a list of numbers{limit}, such as 0.49,0.48,0.45", param, ctx)
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


def filter_of(options: dict[str, Any]) -> Filter:
    """Return the filter that *options*, of `dcbench.cli.common.selection_options`, stand for.

    Raises:
        RequestError: IPC or seeds are not numbers, a network cannot be parsed, or a list is empty.
    """
    from dcbench.engine.plan.request import parse_numbers
    from dcbench.report.filters import Filter

    for name, value in options.items():
        if value == ():
            raise RequestError(f"--{name} names nothing; leave it out for all")
    numbers = {
        name: parse_numbers(options[name], f"--{name}", least)
        for name, least in (("ipc", 1), ("seeds", 0))
        if options[name] is not None
    }
    networks = tuple(map(canonical, options["networks"] or ()))
    return Filter(**{name: value for name, value in (options | numbers | {"networks": networks}).items() if value})


def sources_in(data: Path | None) -> Sources:
    """Return the datasets in the folder *data*, or where they live if it is None. Nothing is fetched."""
    from dcbench.api.folders import data_folder
    from dcbench.engine.exchange.sources import Sources
    from dcbench.engine.registry import load_registry

    return Sources(load_registry(), data or data_folder())


def find_cell(store: Store, text: str) -> CellFiles:
    """Return the files of the cell that *text* names.

    Raises:
        RequestError: no cell matches *text*, or more than one, or there is no such folder or file.
    """
    if "/" in text or text.endswith(".h5"):
        return _of_file(Path(text))
    from dcbench.report.reading import check_folder

    check_folder(store.root)
    head = text[:12]
    found = [files for files in store.by_cell() if files.name.partition("-")[2].startswith(head) or files.name == text]
    if len(found) == 1:
        return found[0]
    if not found:
        raise RequestError(f"no cell in {store.root} has a digest that begins with {text!r}; 'dcbench show' lists all")
    raise RequestError(
        f"{text!r} fits {len(found)} cells: {', '.join(files.name for files in found[:5])}; write more of the digest"
    )


def condensed_file(files: CellFiles) -> Path:
    """Return the condensed set among the *files* of a cell.

    Raises:
        RequestError: the cell has none.
    """
    if not files.condensed.exists():
        raise RequestError(f"{files.name} has no condensed set; 'dcbench show {files.name}' says why")
    return files.condensed


def _of_file(path: Path) -> CellFiles:
    if not path.exists():
        raise RequestError(f"there is no file {path}")
    try:
        return CellFiles.of(path)
    except ValueError as error:
        raise RequestError(str(error)) from error
