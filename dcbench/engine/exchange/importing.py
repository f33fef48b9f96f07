"""From a file that was made elsewhere to a finished cell of the store, which a run then evaluates like any other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcbench.api.condensed import CondensedSet
from dcbench.api.errors import InvalidCondensedSetError, OverBudgetError, RequestError
from dcbench.engine.exchange.adapting import Adapted, Meaning, adapt
from dcbench.engine.exchange.image_folder import Folders
from dcbench.engine.exchange.reading import hash_source, read_sets
from dcbench.engine.exchange.sources import Sources
from dcbench.engine.factories import change_settings, make_dataset
from dcbench.engine.identity import Cell
from dcbench.engine.jobs import CondenseJob
from dcbench.engine.plan.planner import Planner
from dcbench.engine.plan.request import make_request
from dcbench.engine.progress import Announce, announce_nothing
from dcbench.engine.selectors import parse_selector
from dcbench.engine.store.sets import StoredSet
from dcbench.engine.store.store import Store
from dcbench.engine.work.contexts import Data
from dcbench.engine.work.provenance import versions

if TYPE_CHECKING:
    from torch import Tensor

    from dcbench.api.data import DatasetInfo
    from dcbench.engine.exchange.portable import PortableSet
    from dcbench.engine.registry import Registry

METHOD = "imported"
"""The method whose cells imported sets are."""

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
    meaning: Meaning = field(default_factory=Meaning)
    """What the numbers of the file are."""
    folders: Folders | None = None
    """What the folders of an image folder are called, where it can be read in both ways."""
    origin: str = ""
    """Where the set comes from, in words."""
    seed: int | None = None
    """Which replicate it is; of a file with several sets, which one. None: replicate 0, or all that the file holds."""
    overwrite: bool = False


@dataclass(frozen=True)
class Imported:
    """A set that is in the store."""

    path: Path
    cell: Cell
    images: int
    dropped: tuple[Path, ...]
    """Evaluations of an older set of this name, now removed."""
    claimed: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Accuracies that the file has for it, for each network; nothing that was measured here."""
    notes: tuple[str, ...] = ()
    """What was done to it that changes what it is worth."""


@dataclass(frozen=True)
class _Ready:
    """A set that has passed every check and is not in the store yet."""

    cell: Cell
    condensed: CondensedSet
    facts: dict[str, Any]
    claimed: Mapping[str, tuple[float, ...]]
    notes: tuple[str, ...]


def import_sets(
    wanted: Import, store: Store, data: Path, registry: Registry, announce: Announce = announce_nothing
) -> tuple[Imported, ...]:
    """Take the sets that *wanted* names into *store*: one, or all experiments of a file, as replicates.

    Args:
        wanted: the file, and what it is.
        store: the results folder.
        data: the folder with the datasets.
        registry: the plug-ins.
        announce: called with what begins, where it may take a while, and with how far it has come.

    Raises:
        RequestError: the data is not there, the file cannot be read, or what it holds breaks the contract of
            `CondensedSet`, or another set has this name; nothing is written then, of no set in the file.
    """
    _check_name(wanted.name, registry)
    _check_present(wanted, data, registry)
    planned = _cell(wanted, 1, 1, 0, data, registry, announce)
    announce(f"reading {wanted.file}")
    source = Data(make_dataset(registry, planned.dataset, data), planned)
    held = read_sets(wanted.file, source.info, Sources(registry, data), wanted.folders)
    ready = [
        _prepare(each, number, where, wanted, source, data, registry) for number, where, each in _numbered(held, wanted)
    ]
    if not wanted.overwrite:
        for one in ready:
            _check_free(one.cell, store)
    return tuple(_keep(one, store) for one in ready)


def _numbered(held: Sequence[PortableSet], wanted: Import) -> Iterator[tuple[int, str, PortableSet]]:
    """Yield the sets that are wanted, each with its replicate and with what errors call it."""
    if len(held) == 1:
        yield wanted.seed or 0, str(wanted.file), held[0]
        return
    if wanted.seed is not None and wanted.seed >= len(held):
        raise RequestError(
            f"{wanted.file} holds {len(held)} sets; --seed chooses among 0-{len(held) - 1}, not {wanted.seed}"
        )
    for number, each in enumerate(held):
        if wanted.seed in {None, number}:
            yield number, f"{wanted.file}, set {number}", each


def _prepare(
    held: PortableSet, number: int, where: str, wanted: Import, source: Data, data: Path, registry: Registry
) -> _Ready:
    """Return *held* as a condensed set with its cell and facts.

    Raises:
        RequestError: it is a set of other data, or breaks the contract.
    """
    info = source.info
    if held.facts.get("dataset", info.name) not in {info.name, source.cell.dataset.title}:
        raise RequestError(f"{where} is a set of {held.facts['dataset']}, not of {info.name}")
    factor = wanted.factor or held.factor or 1
    adapted = adapt(held, factor, wanted.meaning, info, source.train, where)
    ipc = wanted.ipc or _infer_ipc(adapted.condensed.labels, info, where)
    _check(adapted.condensed, info, ipc, where)
    cell = _cell(wanted, factor, ipc, number, data, registry)
    facts = _facts(adapted, held, wanted, info, registry)
    return _Ready(cell, adapted.condensed, facts, held.claimed, tuple(adapted.notes))


def _keep(ready: _Ready, store: Store) -> Imported:
    dropped = store.drop_evaluations(ready.cell)  # first, so that no number outlives the set that it belongs to
    path = store.save(StoredSet(ready.cell, ready.condensed, ready.facts))
    dropped += store.drop_evaluations(ready.cell)  # what a run has measured on the former set in the meantime
    store.clear_failure(CondenseJob(cell=ready.cell))
    return Imported(path, ready.cell, len(ready.condensed), dropped, ready.claimed, ready.notes)


def _check_present(wanted: Import, data: Path, registry: Registry) -> None:
    """Refuse to fetch data: the name of a cell holds a hash of the training images, so they have to be here."""
    selector = parse_selector(wanted.dataset)
    target = registry.resolve("datasets", selector.name)
    settings = change_settings(target.Settings(), selector.settings, selector.name)
    if not target(data, selector.argument, settings).present():
        raise RequestError(
            f"{selector.name} is not in {data}, and a set is kept under a hash of the training images that it "
            f"condenses; say with --data where they are, or let 'dcbench run --datasets {selector.name} --dry-run' "
            "fetch them or say how to get them"
        )


def _check_free(cell: Cell, store: Store) -> None:
    """Refuse a name whose set, or what was measured on it, is in the store."""
    if store.condensed(cell).exists():
        raise RequestError(f"{cell.title} is in {store.root} already; take another --name, or --overwrite it")
    if store.evaluations_of(cell):
        raise RequestError(
            f"{cell.title} is not in {store.root}, but what was measured on a set of this name is; take another "
            "--name, copy that set's own file back, or drop the evaluations with --overwrite"
        )


def _check_name(name: str, registry: Registry) -> None:
    if not _NAME.fullmatch(name):
        raise RequestError(
            f"--name takes letters, digits and . _ + -, up to 100 and a letter or digit first; not {name!r}"
        )
    if name in {found.record.name for found in registry.of_group("methods")}:
        raise RequestError(
            f"--name {name}: a method is called that, and its columns are; take another, {name}-published"
        )


def _cell(
    wanted: Import,
    factor: int,
    ipc: int,
    seed: int,
    data: Path,
    registry: Registry,
    announce: Announce = announce_nothing,
) -> Cell:
    """Return the cell as a run plans it."""
    selector = f"{METHOD}[name={wanted.name}" + (f",factor={factor}]" if factor > 1 else "]")
    request = make_request(methods=[selector], datasets=[wanted.dataset], ipc=ipc, seeds=seed, data=data)
    (planned,) = Planner(request, registry, announce).cells()
    return planned.cell


def _infer_ipc(labels: Tensor, info: DatasetInfo, where: str) -> int:
    """Return the number of images that each class has."""
    if labels.ndim == 2 and len(labels) % info.classes == 0:  # an image's likeliest class need not be the one it is for
        return len(labels) // info.classes
    classes = labels.argmax(1) if labels.ndim == 2 else labels
    counts = classes[(classes >= 0) & (classes < info.classes)].bincount(minlength=info.classes)
    if int(counts.min()) != int(counts.max()):
        raise RequestError(
            f"{where} holds {int(counts.min())} to {int(counts.max())} images of a class of {info.name}; say with "
            "--ipc which budget it is to keep"
        )
    return max(1, int(counts[0]))


def _check(condensed: CondensedSet, info: DatasetInfo, ipc: int, where: str) -> None:
    try:
        condensed.check(info, ipc)
    except OverBudgetError as error:
        needed = -(-condensed.numbers(info) // info.budget(1))
        drop = "; or drop the soft labels with --labels hard" if condensed.labels.ndim == 2 else ""
        raise RequestError(f"{where}: {error}; --ipc {needed} is the least that allows it{drop}") from error
    except InvalidCondensedSetError as error:
        raise RequestError(f"{where}: {error}") from error


def _facts(
    adapted: Adapted, held: PortableSet, wanted: Import, info: DatasetInfo, registry: Registry
) -> dict[str, Any]:
    """Return the provenance: what the file holds on how the set was made, and nothing that was not measured."""
    source = registry.find("methods", METHOD).source
    now = datetime.now(UTC).isoformat(timespec="seconds")
    claimed = {"claimed": {network: list(values) for network, values in held.claimed.items()}} if held.claimed else {}
    return {
        "runtime": {},
        "versions": versions({source.package: source.version}),
        "device": "imported",
        "seconds": 0.0,
        "peak_memory_bytes": 0,
        "finished": now,
        "artifacts": {},
        "numbers": adapted.condensed.numbers(info),
        "cite": wanted.origin,
        "origin": {
            "text": wanted.origin,
            "file": wanted.file.name,
            "sha256": hash_source(wanted.file, held.companions),
            "date": now,
            **adapted.facts,
            **claimed,
            "made": {name: held.facts[name] for name in _MADE if name in held.facts},
        },
    }
