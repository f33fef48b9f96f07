"""From a file that was made elsewhere to a finished cell of the store, which a run then evaluates like any other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch

from dcbench.api.condensed import PIXEL_RANGE, CondensedSet
from dcbench.api.errors import InvalidCondensedSetError, OverBudgetError, RequestError
from dcbench.engine.cells import CondenseJob
from dcbench.engine.exchange.layouts import tidy_labels
from dcbench.engine.exchange.reading import hash_source, read_set
from dcbench.engine.exchange.sources import Sources
from dcbench.engine.making import make_dataset
from dcbench.engine.plan.planner import Planner
from dcbench.engine.plan.request import make_request
from dcbench.engine.store.failures import clear_failure
from dcbench.engine.store.index import rebuild_index
from dcbench.engine.store.layout import Layout
from dcbench.engine.store.sets import CondensedRecord, write_condensed
from dcbench.engine.work.runtime import provenance

if TYPE_CHECKING:
    from torch import Tensor

    from dcbench.api.images import DatasetInfo
    from dcbench.engine.cells import Cell
    from dcbench.engine.exchange.portable import PortableSet
    from dcbench.engine.plugins import Registry

METHOD = "imported"
"""The method whose cells imported sets are."""

Space = Literal["pixel", "normalised"]

_MADE = ("digest", "label", "seed", "finished", "device")
"""What is kept of the facts of a set that was exported from a store."""

_NAME = re.compile(r"\w[\w.+-]{0,99}")


@dataclass(frozen=True)
class Import:
    """What is to be imported, and as what."""

    file: Path
    dataset: str
    """As ``--datasets`` takes it."""
    name: str
    ipc: int | None = None
    """None: as many as the labels say."""
    factor: int | None = None
    """None: what the file says, or 1."""
    space: Space = "pixel"
    """``normalised``: pixels are (x - mean) / std with the dataset's own mean and std."""
    clip: bool = False
    """Bring pixels to `PIXEL_RANGE` instead of refusing the set."""
    origin: str = ""
    """Where the set comes from, in words."""
    seed: int = 0
    overwrite: bool = False


@dataclass(frozen=True)
class Imported:
    """A set that is in the store."""

    path: Path
    cell: Cell
    images: int
    dropped: tuple[Path, ...]
    """Evaluations of an older set of this name, now removed."""


def import_set(wanted: Import, layout: Layout, data: Path, registry: Registry) -> Imported:
    """Take the set that *wanted* names into the store of *layout*.

    Args:
        wanted: the file, and what it is.
        layout: the results folder.
        data: where datasets live.
        registry: the plug-ins.

    Raises:
        RequestError: the file cannot be read, or what it holds breaks the contract of `CondensedSet`, or another set
            has this name; nothing is written.
    """
    _check_name(wanted.name, registry)
    info = _info(wanted, data, registry)
    held = read_set(wanted.file, info, Sources(registry, data), wanted.seed)
    if held.facts.get("dataset", info.name) != info.name:
        raise RequestError(f"{wanted.file} is a set of {held.facts['dataset']}, not of {info.name}")
    factor = wanted.factor or held.factor or 1
    condensed = _condensed(held, factor, wanted, info)
    ipc = wanted.ipc or _infer_ipc(condensed.labels, info, wanted.file)
    _check(condensed, info, ipc, wanted.file)
    cell = _cell(wanted, factor, ipc, data, registry)
    path = layout.condensed(cell)
    if not wanted.overwrite:
        _check_free(cell, layout)
    facts = _facts(condensed, held, wanted, info, registry)
    dropped = _drop_evaluations(layout, cell)  # first, so that no number outlives the set that it belongs to
    write_condensed(path, CondensedRecord(cell, condensed, facts))
    dropped += _drop_evaluations(layout, cell)  # what a run has measured on the former set in the meantime
    clear_failure(layout, CondenseJob(cell=cell))
    rebuild_index(layout)
    return Imported(path, cell, len(condensed), dropped)


def _check_free(cell: Cell, layout: Layout) -> None:
    """Refuse a name whose set, or what was measured on it, is in the store."""
    if layout.condensed(cell).exists():
        raise RequestError(f"{cell.title} is in {layout.root} already; take another --name, or --overwrite it")
    if layout.evaluations_of(cell):
        raise RequestError(
            f"{cell.title} is not in {layout.root}, but what was measured on a set of this name is; take another "
            "--name, copy that set's own file back, or drop the evaluations with --overwrite"
        )


def _check_name(name: str, registry: Registry) -> None:
    if not _NAME.fullmatch(name):
        raise RequestError(
            f"--name takes letters, digits and . _ + -, up to 100 and a letter or digit first; not {name!r}"
        )
    if name in {found.record.name for found in registry.of_kind("methods")}:
        raise RequestError(
            f"--name {name}: a method is called that, and its columns are; take another, {name}-published"
        )


def _cell(wanted: Import, factor: int, ipc: int, data: Path, registry: Registry) -> Cell:
    """Return the cell as a run plans it."""
    choice = f"{METHOD}[name={wanted.name}" + (f",factor={factor}]" if factor > 1 else "]")
    request = make_request(methods=[choice], datasets=[wanted.dataset], ipc=ipc, seeds=wanted.seed, data=data)
    (planned,) = Planner(request, registry).cells()
    return planned.cell


def _info(wanted: Import, data: Path, registry: Registry) -> DatasetInfo:
    spec = _cell(wanted, 1, 1, data, registry).dataset
    return make_dataset(registry, spec, data).info()


def _condensed(held: PortableSet, factor: int, wanted: Import, info: DatasetInfo) -> CondensedSet:
    images, file = held.images, wanted.file
    if not images.numel():
        raise RequestError(f"{file} holds no images")
    if tuple(images.shape[1:]) != info.shape or images.shape[:1] != held.labels.shape[:1]:
        raise RequestError(
            f"{file} holds images of shape {tuple(images.shape)} with labels of {tuple(held.labels.shape)}; those of "
            f"{info.name} are (N, {', '.join(map(str, info.shape))}) with N labels"
        )
    try:
        labels = tidy_labels(held.labels)
    except RequestError as error:
        raise RequestError(f"{file}: {error}") from error
    pixels = _pixels(images, wanted.space, info, file)
    if wanted.clip:
        pixels = pixels.clamp(*PIXEL_RANGE)
    unbounded = held.unbounded or wanted.space == "normalised"  # codes that learn normalised images never clamp them
    if not unbounded:
        _check_range(pixels, file)
    return CondensedSet.of_images(pixels, labels, factor, unbounded=unbounded and not wanted.clip)


def _pixels(images: Tensor, space: Space, info: DatasetInfo, file: Path) -> Tensor:
    """Return *images* as float32 pixels whose range is [0, 1]."""
    if not images.is_floating_point():
        if images.dtype != torch.uint8 or space != "pixel":
            raise RequestError(f"{file} holds {images.dtype} images; wanted is uint8 pixels, or floating point")
        return images.float().div(255)
    pixels = images.float()
    if space == "normalised":
        mean, std = (torch.tensor(values).view(-1, 1, 1) for values in (info.mean, info.std))
        pixels = pixels * std + mean
    return pixels


def _check_range(pixels: Tensor, file: Path) -> None:
    low, high = float(pixels.min()), float(pixels.max())
    if low < PIXEL_RANGE[0] or high > PIXEL_RANGE[1]:
        raise RequestError(
            f"{file}: pixels reach from {low:.3g} to {high:.3g}, and may from {PIXEL_RANGE[0]} to {PIXEL_RANGE[1]}; "
            "if the images are normalised, as those of DC, DSA, DM and IDM are, add --space normalised; --clip brings "
            "them to that range, and says so"
        )


def _infer_ipc(labels: Tensor, info: DatasetInfo, file: Path) -> int:
    """Return the number of images that each class has."""
    if labels.ndim == 2 and len(labels) % info.classes == 0:  # an image's likeliest class need not be the one it is for
        return len(labels) // info.classes
    classes = labels.argmax(1) if labels.ndim == 2 else labels
    counts = classes[(classes >= 0) & (classes < info.classes)].bincount(minlength=info.classes)
    if int(counts.min()) != int(counts.max()):
        raise RequestError(
            f"{file} holds {int(counts.min())} to {int(counts.max())} images of a class of {info.name}; say with --ipc "
            "which budget it is to keep"
        )
    return max(1, int(counts[0]))


def _check(condensed: CondensedSet, info: DatasetInfo, ipc: int, file: Path) -> None:
    try:
        condensed.check(info, ipc)
    except OverBudgetError as error:
        needed = -(-condensed.numbers(info) // info.budget(1))
        raise RequestError(f"{file}: {error}; --ipc {needed} is the least that allows it") from error
    except InvalidCondensedSetError as error:
        raise RequestError(f"{file}: {error}") from error


def _facts(
    condensed: CondensedSet, held: PortableSet, wanted: Import, info: DatasetInfo, registry: Registry
) -> dict[str, Any]:
    """Return the provenance: of the making only what the file says, and nothing that was not measured."""
    source = registry.find("methods", METHOD).source
    now = datetime.now(UTC).isoformat(timespec="seconds")
    normalised = {"mean": info.mean, "std": info.std} if wanted.space == "normalised" else {}
    return {
        "runtime": {},
        "versions": provenance({source.package: source.version}),
        "device": "imported",
        "seconds": 0.0,
        "peak_memory_bytes": 0,
        "finished": now,
        "artifacts": {},
        "numbers": condensed.numbers(info),
        "cite": wanted.origin,
        "origin": {
            "text": wanted.origin,
            "file": wanted.file.name,
            "sha256": hash_source(wanted.file, held.beside),
            "date": now,
            "space": wanted.space,
            "clipped": wanted.clip,
            **normalised,
            "made": {name: held.facts[name] for name in _MADE if name in held.facts},
        },
    }


def _drop_evaluations(layout: Layout, cell: Cell) -> tuple[Path, ...]:
    stale = layout.evaluations_of(cell)
    for path in stale:
        path.unlink(missing_ok=True)
    return tuple(stale)
