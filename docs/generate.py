"""The pages that are made from the code: commands, settings and recipes. Nothing on them is written by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

import click
from tabulate import tabulate

import dcbench
from dcbench.api import distribution
from dcbench.cli import COMMANDS, cli
from dcbench.engine.registry import GROUPS, Found, Registry, load_registry

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

_WIDTH = 100  # columns of a help text
_IPC = 10
_EXAMPLE = "cifar10"
_SUBSET = dcbench.DatasetInfo(
    name="imagenet10",
    shape=(3, 224, 224),
    class_names=tuple(map(str, range(10))),
    train_counts=(1300,) * 10,
    test_counts=(50,) * 10,
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
)
"""What plans are made with for ImageNet-10, whose files need not be there."""


def pages() -> dict[str, str]:
    """Return the pages: path below docs/ to Markdown."""
    registry = load_registry()
    return {
        "reference/generated/commands.md": _commands(),
        "reference/generated/settings.md": _settings(registry),
        "reference/generated/recipes.md": _recipes(registry),
    }


def help_of(command: str) -> str:
    """Return what ``dcbench COMMAND --help`` prints on a wide terminal; of ``dcbench --help`` if *command* is empty."""
    found = cli.get_command(click.Context(cli), command) if command else cli
    assert found is not None, command
    group = click.Context(cli, info_name="dcbench", terminal_width=_WIDTH, **cli.context_settings)
    return found.get_help(click.Context(found, group, info_name=command) if command else group)


def _commands() -> str:
    parts = ["# The command line", "What `dcbench COMMAND --help` prints. `python -m dcbench` is the same command."]
    for command in ("", *COMMANDS):
        parts += [f"## `{' '.join(filter(None, ['dcbench', command]))}`", f"```text\n{help_of(command)}\n```"]
    return _page(parts)


def _settings(registry: Registry) -> str:
    parts = [
        "# The settings of what comes with dcbench",
        f"For methods also the values they recommend for `{_EXAMPLE}` and `{_SUBSET.name}` at IPC {_IPC}, and where "
        "those come from: [](../contract.md#origins) says what the kinds of origin mean. `dcbench list methods NAME "
        "--dataset D --ipc K` shows the same for other data. Protocols have no settings, see [](recipes.md); nor have "
        "reports.",
    ]
    for group in GROUPS:
        if group != "protocols":
            parts.append(f"## {group.capitalize()}")
            parts += [text for item in _own(registry, group) for text in _settings_of(registry, item)]
    return _page(parts)


def _settings_of(registry: Registry, item: Found) -> Iterable[str]:
    target = registry.resolve(item.group, item.record.name)
    preset = getattr(item.record, "preset", {})
    settings = getattr(target, "Settings", dcbench.Settings)  # a report has none
    argument = getattr(item.record, "argument", "")
    yield f"### `{item.record.name}{f':{argument}' if argument else ''}`"
    yield f"{item.record.summary[:1].upper()}{item.record.summary[1:]}."
    if getattr(target, "cite", ""):
        yield f"Source: {target.cite}."
    if preset:
        yield f"Stands for {', '.join(f'`{name}={value}`' for name, value in preset.items())}."
    if not settings.model_fields:
        yield "No settings."
        return
    yield _fields(settings, preset)
    if item.group == "methods":
        yield from _recommended(registry, target())


def _fields(settings: type[dcbench.Settings], preset: Mapping[str, Any] | None = None) -> str:
    rows = [
        (f"`{name}`", _type(field), _value((preset or {}).get(name, _default(field))), field.description or "")
        for name, field in settings.model_fields.items()
    ]
    return _table(["setting", "type", "default", "meaning"], rows)


def _recommended(registry: Registry, method: Any) -> Iterable[str]:
    if any(field.is_required() for field in type(method).Settings.model_fields.values()):
        return
    for info in (_info(registry, _EXAMPLE), _SUBSET):
        settings, origins = method.settings_for(info, _IPC), method.origins_for(info, _IPC)
        rows = [(f"`{name}`", _value(getattr(settings, name)), str(origin)) for name, origin in origins.items()]
        if rows:
            yield _table([f"{info.name}, IPC {_IPC}", "value", "origin"], rows)


def _recipes(registry: Registry) -> str:
    parts = [
        "# The recipes of the protocols",
        f"A recipe is what a protocol means for one dataset, IPC and factor. Below: IPC {_IPC}, factor 1. For others: "
        "`dcbench list protocols NAME --dataset D --ipc K --factor F`. A field that is not shown is at its default. "
        "Where the protocols come from: [](../protocols.md).",
        "## The fields of a recipe",
        _fields(dcbench.TrainingRecipe),
    ]
    for item in _own(registry, "protocols"):
        protocol = registry.resolve("protocols", item.record.name)()
        names = [_SUBSET.name] if item.record.name == "idc-imagenet" else ["mnist", "svhn", "cifar10", "cifar100"]
        parts += [f"## `{item.record.name}`", f"{item.record.summary}.", f"Source: {protocol.cite}."]
        recipes = [protocol.recipe(_info(registry, name), _IPC, 1) for name in names]
        parts.append(_table(["field", *names], _recipe_rows(recipes)))
    return _page(parts)


def _recipe_rows(recipes: Sequence[dcbench.TrainingRecipe]) -> Iterable[tuple[str, ...]]:
    for name, field in dcbench.TrainingRecipe.model_fields.items():
        values = [getattr(recipe, name) for recipe in recipes]
        if field.is_required() or any(value != field.default for value in values):
            yield (f"`{name}`", *map(_value, values))


def _own(registry: Registry, group: str) -> list[Found]:
    return [item for item in registry.of_group(group) if item.source.package == distribution.NAME]


def _info(registry: Registry, name: str) -> dcbench.DatasetInfo:
    if name == _SUBSET.name:
        return _SUBSET
    target = registry.resolve("datasets", name)
    info: dcbench.DatasetInfo = target(Path(), "", target.Settings()).info()
    return info


def _type(field: FieldInfo) -> str:
    return ", ".join(filter(None, [_annotation(field.annotation), *map(_bound, field.metadata)]))


def _annotation(annotation: Any) -> str:
    if get_origin(annotation) in {Literal, Union, UnionType}:
        return " or ".join(map(_annotation, get_args(annotation)))
    if annotation is NoneType:
        return "None"
    return annotation.__name__ if type(annotation) is type else str(annotation)


def _bound(limit: Any) -> str:
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    return ", ".join(f"{sign} {getattr(limit, name)}" for name, sign in signs.items() if hasattr(limit, name))


def _default(field: FieldInfo) -> Any:
    return "required" if field.is_required() else field.get_default(call_default_factory=True)


def _value(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return f"`{text}`" if text else "empty"


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    escaped = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return tabulate(escaped, headers, "github", disable_numparse=True)


def _page(parts: Iterable[str]) -> str:
    return "\n\n".join(parts) + "\n"
