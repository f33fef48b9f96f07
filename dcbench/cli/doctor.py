"""``dcbench doctor``: versions, devices, and the data that is found."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dcbench.api import distribution
from dcbench.api.errors import DcbenchError, MissingDataError
from dcbench.cli.options import data_option

if TYPE_CHECKING:
    from dcbench.api.images import Dataset
    from dcbench.api.records import DatasetRecord
    from dcbench.engine.plugins import Found, Registry


@click.command("doctor")
@data_option
def command(data: Path | None) -> None:
    """Say what this machine has: versions, devices, datasets, plug-ins that do not load."""
    from dcbench.engine.data.fingerprints import cache_folder
    from dcbench.engine.plan.request import default_data_folder
    from dcbench.engine.plugins import load_registry

    registry = load_registry()
    root = data or default_data_folder()
    _section("versions", _versions().items())
    _section("devices", _devices().items())
    _section("folders", [("data", str(root)), ("cache", str(cache_folder()))])
    _section("datasets", _datasets(registry, root).items())
    broken = [(problem.source.package, problem.message) for problem in registry.problems]
    _section("plug-ins that do not load", broken or [("none", "")])


def _section(title: str, facts: Collection[tuple[str, str]]) -> None:
    click.secho(title, bold=True)
    width = max((len(name) for name, _ in facts), default=0)
    for name, value in facts:
        click.echo(f"  {name:<{width}}  {value}".rstrip())


def _versions() -> dict[str, str]:
    import platform
    from importlib.metadata import version

    packages = ("torch", "torchvision", "h5py", "pluggy", "numpy")
    own = {"python": platform.python_version(), "dcbench": distribution.version()}
    return own | {package: version(package) for package in packages}


def _devices() -> dict[str, str]:
    from dcbench.engine.work.runtime import available_cores, describe_device, find_devices

    found = [device for device in find_devices("auto") if device != "cpu"]
    gpus = {device: describe_device(device) for device in found}
    return {"cpu": f"{describe_device('cpu')}, {available_cores()} cores"} | (gpus or {"cuda": "none"})


def _datasets(registry: Registry, root: Path) -> dict[str, str]:
    return {
        item.record.name: _state_of(registry, item, root)
        for item in registry.of_kind("datasets")
        if not item.record.argument
    }


def _state_of(registry: Registry, found: Found, root: Path) -> str:
    """Say whether a dataset is there, without fetching it, or what is wrong with its plug-in."""
    from dcbench.engine.making import blaming

    name = found.record.name
    try:
        target = registry.resolve("datasets", name)
        with blaming("datasets", name, found.source.package):
            return _described(found.record, target(root, "", target.Settings()))
    except DcbenchError as error:
        return f"not usable: {error}"


def _described(record: DatasetRecord, dataset: Dataset) -> str:
    from dcbench.engine.data.standard import other_data

    other = ""
    try:
        present, info = dataset.present(), dataset.info()
        if present:
            dataset.check()
            other = other_data(record, dataset)
    except MissingDataError as error:
        return f"not found: {error}"
    images = f"{sum(info.train_counts):,} + {sum(info.test_counts):,} images"
    shape = " x ".join(map(str, info.shape))
    state = "other data" if other else "found" if present else "not there yet"
    return f"{state}: {images}, {shape}, {info.classes} classes" + (f"; {other}" if other else "")
