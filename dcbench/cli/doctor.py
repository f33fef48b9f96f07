"""``dcbench doctor``: versions, devices, and the data that is found."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from dcbench.api import distribution
from dcbench.api.data import Split
from dcbench.api.errors import DcbenchError, MissingDataError
from dcbench.cli.common import data_option
from dcbench.cli.notices import noticing
from dcbench.cli.terminal import say

if TYPE_CHECKING:
    from dcbench.api.data import Dataset
    from dcbench.api.records import DatasetRecord
    from dcbench.cli.notices import Notices
    from dcbench.engine.registry import Found, Registry


@click.command("doctor")
@click.argument("datasets", nargs=-1, metavar="[DATASET]...")
@data_option
def command(datasets: tuple[str, ...], data: Path | None) -> None:
    """Say what this machine has: versions, devices, datasets, plug-ins that do not load.

    With DATASET, such as folder:PATH, look at it alone, and closely: the images of each class and split, what is left
    out, and what is lost when images are decoded, which they are for that.
    """
    from dcbench.api.folders import cache_folder, data_folder
    from dcbench.engine.registry import load_registry

    registry = load_registry()
    root = data or data_folder()
    if datasets:
        for text in datasets:
            with noticing() as tell:
                found = _examined(registry, text, root, tell)
            _section(text, found)
        return
    _section("versions", _versions().items())
    _section("devices", _devices().items())
    _section("folders", [("data", str(root)), ("cache", str(cache_folder()))])
    _section("datasets", _datasets(registry, root).items())
    broken = [(problem.source.package, problem.message) for problem in registry.problems]
    _section("plug-ins that do not load", broken or [("none", "")])


def _section(title: str, facts: Collection[tuple[str, str]]) -> None:
    say(title, bold=True)
    width = max((len(name) for name, _ in facts), default=0)
    for name, value in facts:
        say(f"  {name:<{width}}  {value}".rstrip())


def _versions() -> dict[str, str]:
    import platform
    from importlib.metadata import version

    packages = ("torch", "torchvision", "h5py", "pluggy", "numpy")
    own = {"python": platform.python_version(), "dcbench": distribution.version()}
    return own | {package: version(package) for package in packages}


def _devices() -> dict[str, str]:
    from dcbench.engine.work.devices import available_cores, describe_device, find_devices

    found = [device for device in find_devices("auto") if device != "cpu"]
    gpus = {device: describe_device(device) for device in found}
    return {"cpu": f"{describe_device('cpu')}, {available_cores()} cores"} | (gpus or {"cuda": "none"})


def _datasets(registry: Registry, root: Path) -> dict[str, str]:
    return {
        item.record.name: _state_of(registry, item, root)
        for item in registry.of_group("datasets")
        if not item.record.argument
    }


def _state_of(registry: Registry, found: Found, root: Path) -> str:
    """Say whether a dataset is there, without fetching it, or what is wrong with its plug-in."""
    from dcbench.engine.factories import blaming

    name = found.record.name
    try:
        target = registry.resolve("datasets", name)
        with blaming("datasets", name, found.source.package):
            return _described(found.record, target(root, "", target.Settings()))
    except DcbenchError as error:
        return f"not usable: {error}"


def _examined(registry: Registry, text: str, root: Path, tell: Notices) -> list[tuple[str, str]]:
    """Return all that can be said of the dataset that *text* chooses. It is decoded, and never fetched.

    Raises:
        DcbenchError: the data is not there, or cannot be used.
    """
    from dcbench.engine.data.splits import counts_text
    from dcbench.engine.data.standard import counted_info, other_data
    from dcbench.engine.factories import blaming, select_dataset
    from dcbench.engine.progress import announce_reading
    from dcbench.engine.selectors import parse_selector

    tell(f"reading {text}")
    selector = parse_selector(text)
    found = registry.find("datasets", selector.name)
    dataset = select_dataset(registry, selector, root)
    announce_reading(dataset, tell, text)
    with blaming("datasets", found.record.name, found.source.package):
        facts = [("data", _described(found.record, dataset, remarks=False))]
        if not dataset.present():
            return facts
        for split in get_args(Split):
            dataset.files(split)
        info, remarks = dataset.info(), dataset.remarks()
        info = counted_info(dataset, info) if other_data(found.record, dataset) else info
    facts.append(("training", counts_text(info.class_names, info.train_counts, all_of_them=True)))
    facts.append(("test", counts_text(info.class_names, info.test_counts, all_of_them=True)))
    return facts + [("remark", line) for line in remarks]


def _described(record: DatasetRecord, dataset: Dataset, *, remarks: bool = True) -> str:
    from dcbench.engine.data.standard import counted_info, other_data

    other = ""
    try:
        present, info = dataset.present(), dataset.info()
        if present:
            dataset.check()
            other = other_data(record, dataset)
            info = counted_info(dataset, info) if other and record.fingerprints else info
    except MissingDataError as error:
        return f"not found: {error}"
    images = f"{sum(info.train_counts):,} + {sum(info.test_counts):,} images"
    shape = " x ".join(map(str, info.shape))
    counts = f"{_span(info.train_counts)} + {_span(info.test_counts)} a class"
    more = [other, *(dataset.remarks() if present and remarks else ())]
    state = "other data" if other else "found" if present else "not there yet"
    return "; ".join(filter(None, [f"{state}: {images}, {shape}, {info.classes} classes, {counts}", *more]))


def _span(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
