"""Instances of plug-ins from selectors and specs, with errors that name the plug-in, the field and what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from dcbench.api.errors import DcbenchError, RequestError
from dcbench.api.protocol import NetworkChoice
from dcbench.engine.selectors import Selector, canonical, parse_selector

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from dcbench.api.data import Dataset, DatasetInfo
    from dcbench.api.network import Network
    from dcbench.api.settings import Settings
    from dcbench.engine.identity import DatasetSpec
    from dcbench.engine.registry import Registry

AnySettings = TypeVar("AnySettings", bound="Settings")


def change_settings(settings: AnySettings, changes: Mapping[str, Any], owner: str) -> AnySettings:
    """Return *settings* of the plug-in *owner* with *changes* applied.

    Raises:
        RequestError: a field is unknown or a value is not allowed; the text names it and what is allowed.
    """
    try:
        return settings.changed(changes)
    except ValidationError as error:
        raise RequestError(_explain(error.errors()[0], settings, owner)) from error


@contextmanager
def blaming(group: str, name: str, package: str) -> Iterator[None]:
    """Name the plug-in in every error that it raises while a request is planned.

    Raises:
        RequestError: the plug-in refused something, or failed in a way of its own.
    """
    try:
        yield
    except DcbenchError as error:
        text = str(error)
        raise RequestError(text if text.startswith(name) else f"{name}: {text}") from error
    except Exception as error:
        raise RequestError(f"{group[:-1]} {name!r} of {package} failed: {type(error).__name__}: {error}") from error


def _explain(fault: ErrorDetails, settings: Settings, owner: str) -> str:
    name = ".".join(map(str, fault["loc"]))
    fields = list(type(settings).model_fields)
    if fault["type"] == "extra_forbidden":
        close = difflib.get_close_matches(name, fields, n=1, cutoff=0.5)
        hint = f"; did you mean {close[0]!r}?" if close else "."
        return f"{owner} has no setting {name!r}{hint} There are: {', '.join(fields) or 'none'}."
    wanted = fault["msg"].replace("Input should be", "should be")
    return f"{owner}.{name}={fault['input']}: {wanted[0].lower()}{wanted[1:]}"


def select_dataset(registry: Registry, selector: Selector, root: Path) -> Dataset:
    """Return the dataset that *selector* names, looked for below *root*.

    Raises:
        RequestError: there is no dataset of this name, or a setting is not allowed.
    """
    target = registry.resolve("datasets", selector.name)
    settings = change_settings(target.Settings(), selector.settings, selector.name)
    with blaming("datasets", selector.name, registry.find("datasets", selector.name).source.package):
        dataset: Dataset = target(root, selector.argument, settings)
    return dataset


def make_dataset(registry: Registry, spec: DatasetSpec, root: Path) -> Dataset:
    """Return the dataset that *spec* names, looked for below *root*."""
    target = registry.resolve("datasets", spec.record)
    dataset: Dataset = target(root, spec.argument, target.Settings(**spec.settings))
    return dataset


def make_network(registry: Registry, name: str) -> tuple[Network, Any]:
    """Return the architecture called *name*, such as ``convnet[depth=4]``, and its settings.

    Raises:
        RequestError: there is no such network, or a setting is not allowed.
    """
    return _selected_network(registry, parse_selector(name))


def _selected_network(registry: Registry, selector: Selector) -> tuple[Network, Any]:
    record = registry.find("networks", selector.name).record
    network: Network = registry.resolve("networks", selector.name)()
    return network, change_settings(network.Settings(), {**record.preset, **selector.settings}, selector.name)


def network_choice(registry: Registry, settings: Settings) -> NetworkChoice | None:
    """Return the network that *settings* name, as a protocol gets it; None where they name none."""
    name = getattr(settings, "network", None)
    if not isinstance(name, str):
        return None
    selector = parse_selector(name)
    return NetworkChoice(selector.name, _selected_network(registry, selector)[1].model_dump())


def settle_network(registry: Registry, settings: AnySettings, info: DatasetInfo) -> tuple[AnySettings, int]:
    """Return *settings* with the network that they name in its `canonical` form, and the revision of that network.

    Settings that name no network come back as they are, with 1.

    Raises:
        RequestError: there is no such network, or it cannot take the images of *info*; with what would fit.
    """
    name = getattr(settings, "network", None)
    if not isinstance(name, str):
        return settings, 1
    network, own = make_network(registry, name)
    network.validate(info.shape, own)
    return settings.changed({"network": canonical(name)}), network.revision
