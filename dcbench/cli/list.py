"""``dcbench list``: what can be selected, and the settings of one plug-in with their values."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dcbench.api.distribution import NAME
from dcbench.api.errors import MissingDataError, RequestError
from dcbench.api.records import GRID
from dcbench.cli.common import data_option
from dcbench.cli.terminal import say, terminal_width
from dcbench.engine.selectors import parse_selector

if TYPE_CHECKING:
    from dcbench.api.data import DatasetInfo
    from dcbench.api.method import Method
    from dcbench.engine.registry import Registry

GROUPS = ("methods", "datasets", "evaluators", "networks", "protocols", "reports")
_NARROWEST = 8  # characters of a column, however narrow the terminal is


class _Group(click.Choice):  # type: ignore[type-arg]  # generic only since click 8.2
    """Completes to `GROUPS` and accepts any text: the error for a wrong one depends on the name after it as well."""

    def __init__(self) -> None:
        super().__init__(GROUPS)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ARG002
        return value


@click.command("list")
@click.argument("group", required=False, type=_Group())
@click.argument("name", required=False)
@click.option(
    "--dataset", default="", help="Show a method's settings, or a protocol's recipe, as they are for this dataset."
)
@click.option("--ipc", type=click.IntRange(min=1), help="... and this many images per class.  [default: 10]")
@click.option("--factor", type=click.IntRange(min=1), help="... and, for a protocol, this factor.  [default: 1]")
@data_option
def command(
    group: str | None, name: str | None, dataset: str, ipc: int | None, factor: int | None, data: Path | None
) -> None:
    """List everything of a GROUP, or the settings of the plug-in NAME with their values and meanings."""
    from dcbench.engine.registry import load_registry

    if not dataset and (ipc or factor):
        raise RequestError(
            f"--{'ipc' if ipc else 'factor'} says something only of a dataset: add --dataset, such as --dataset mnist"
        )
    registry = load_registry()
    if group is not None and group not in GROUPS:
        raise RequestError(f"list: {_what_is_wrong(registry, group, name)}")
    if name is None:
        for each in [group] if group else GROUPS:
            _list_group(registry, each)
    else:
        assert group is not None
        _list_one(registry, group, name, _info(registry, dataset, data), ipc or 10, factor or 1)


def _what_is_wrong(registry: Registry, group: str, name: str | None) -> str:
    """Return what was most likely meant by *group*, which is none: a group that is spelt so, or a plug-in's name."""
    close = get_close_matches(group.lower(), GROUPS, n=1, cutoff=0.7)
    if close:
        meant = [close[0], *([name] if name else [])]
        return f"there is no group {group!r}; did you mean 'dcbench list {' '.join(meant)}'?"
    try:
        head = parse_selector(group).name
    except RequestError:
        head = group
    for each in GROUPS:
        if head in {found.record.name for found in registry.of_group(each)}:
            return f"{head!r} is one of the {each}; did you mean 'dcbench list {each} {head}'?"
    return f"there is no group {group!r}; there are {', '.join(GROUPS)}"


def _list_group(registry: Registry, group: str) -> None:
    found = registry.of_group(group)
    names = [
        item.record.name + (f":{item.record.argument}" if getattr(item.record, "argument", "") else "")
        for item in found
    ]
    width = max(map(len, names), default=0)
    say(group, bold=True)
    if group == "reports":
        say(f"  {GRID.name:<{width}}  {GRID.summary}")
    for name, item in zip(names, found, strict=True):
        owner = "" if item.source.package == NAME else f"  ({item.source.package})"
        say(f"  {name:<{width}}  {item.record.summary}{owner}")


def _info(registry: Registry, text: str, data: Path | None) -> Any:
    """Return the `DatasetInfo` of the dataset written *text*, or None for the empty text."""
    if not text:
        return None
    from dcbench.api.folders import data_folder
    from dcbench.engine.factories import select_dataset
    from dcbench.engine.selectors import parse_selector

    dataset = select_dataset(registry, parse_selector(text), data or data_folder())
    try:
        return dataset.info()
    except MissingDataError:
        expected = dataset.expected()
        if expected is None:
            raise
        say(f"{expected.name} is not in the data folder; shown as for the whole of it", err=True)
        return expected


def _list_one(registry: Registry, group: str, name: str, info: Any, ipc: int, factor: int) -> None:
    if group == "reports" and name == GRID.name:
        say(f"{name}  {GRID.summary}", bold=True)
        return
    item = registry.find(group, name)
    target = registry.resolve(group, name)
    if group == "protocols" and info is None:
        raise RequestError(
            f"a protocol's recipe depends on the dataset: add --dataset, such as --dataset mnist --ipc {ipc}"
        )
    say(f"{name}  {item.record.summary}", bold=True)
    say(f"from {item.source.package} {item.source.version}, {item.record.target}")
    for line in filter(None, [getattr(target, "cite", "")]):
        say(line)
    if group == "reports":
        say(f"about {target.subject or 'everything'}")
    elif group == "protocols":
        _show_settings(target().recipe(info, ipc, factor))
    elif group == "methods" and info is not None:
        _show_recommended(target(), info, ipc, item.source.package)
    else:
        _show_settings(target.Settings().changed(getattr(item.record, "preset", {})))


def _show_settings(settings: Any) -> None:
    _show_table(
        {"setting": 40, "value": 40, "meaning": 70},
        [
            (name, _text(getattr(settings, name)), field.description or "")
            for name, field in type(settings).model_fields.items()
        ],
    )


def _show_recommended(method: Method, info: DatasetInfo, ipc: int, package: str) -> None:
    settings, origins = method.settings_for(info, ipc), method.origins_for(info, ipc)
    rows = []
    for name, field in type(settings).model_fields.items():
        value, default = getattr(settings, name), field.get_default(call_default_factory=True)
        unnamed = f"default of {package}" if value == default else f"chosen by {package}"
        origin = str(origins.get(name, unnamed))
        rows.append((name, _text(value), _text(default), field.description or "", origin))
    _show_table({"setting": 40, "value": 40, "default": 40, "meaning": 44, "origin": 56}, rows)


def _show_table(widest: dict[str, int], rows: Sequence[Sequence[str]]) -> None:
    """Print *rows*, each column at most as wide as *widest* says; a terminal that is narrower narrows them."""
    if not rows:
        say("no settings")
        return
    from textwrap import fill

    from tabulate import tabulate

    heads = list(widest)
    needed = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    widths = _fitted(list(map(min, needed, widest.values())), terminal_width())
    # Wrapped here: tabulate's own maxcolwidths prints the text "False" as "True".
    wrapped = [[fill(cell, width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    say(tabulate(wrapped, heads, "simple", disable_numparse=True), lines=True)


def _fitted(widths: list[int], terminal: int | None) -> list[int]:
    """Return *widths*, the widest made narrower until they fit into *terminal* characters, two between columns."""
    if terminal is not None:
        room = terminal - 2 * (len(widths) - 1)
        while sum(widths) > room and max(widths) > _NARROWEST:
            widths[widths.index(max(widths))] -= 1
    return widths


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
