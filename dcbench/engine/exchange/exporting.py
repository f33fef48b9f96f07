"""From the store to files of other formats, one for each condensed set."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dcbench.api.errors import RequestError
from dcbench.engine.exchange import image_folder, safetensors_file, torch_file
from dcbench.engine.exchange.formats import ENDINGS, format_of
from dcbench.engine.exchange.portable import PortableSet
from dcbench.engine.store.facts import FILE_TYPE
from dcbench.engine.store.hdf5 import get_facts, reading
from dcbench.engine.store.sets import read_condensed

if TYPE_CHECKING:
    from dcbench.engine.exchange.sources import Sources
    from dcbench.engine.identity import Cell
    from dcbench.engine.store.names import CellFiles
    from dcbench.engine.store.sets import StoredSet
    from dcbench.engine.store.store import Store

_WRITERS: dict[str, Callable[[Path, PortableSet], None]] = {
    "images": image_folder.write,
    "safetensors": safetensors_file.write,
    "pt": torch_file.write,
}


def export_sets(
    store: Store,
    target: Path,
    form: str,
    sources: Sources,
    cells: Sequence[CellFiles] | None = None,
    *,
    decoded: bool = False,
) -> list[Path]:
    """Write condensed sets as *form*: ``images``, ``safetensors`` or ``pt``. Return what was written.

    Args:
        store: the results folder.
        target: a file, if its name ends as those of *form* do, for a single set; otherwise a folder, in which each set
            gets a name of its own, see `name_of`.
        form: the format.
        sources: the data that selections are made of.
        cells: the files of the cells; None means all but reference rows.
        decoded: write training images in place of stored ones.

    Raises:
        RequestError: several sets for one file, or the data of a selection is not there.
        CorruptFileError, UnsupportedFormatError: a set cannot be read.
    """
    files = _chosen(store, cells)
    single = format_of(target) == form and not target.is_dir()
    if single and len(files) > 1:
        raise RequestError(
            f"{target} can hold one set, and there are {len(files)}; choose one with --cells, or name a folder and "
            f"--format {form}"
        )
    written = []
    for file in files:
        record = read_condensed(file)
        exported = _portable(record, sources)
        path = target if single else target / (name_of(record.cell) + _ending(form))
        _WRITERS[form](path, exported.decoded() if decoded else exported)
        written.append(path)
    return written


def name_of(cell: Cell) -> str:
    """Return the name of an exported set: what it is, and the head of its digest, since labels may coincide."""
    label = re.sub(r"[^\w.+-]+", "_", cell.method.label).strip("_")
    dataset = re.sub(r"[^\w.+-]+", "_", cell.dataset.name)
    return f"{dataset}-{label}-ipc{cell.ipc}-s{cell.replicate}-{cell.digest[:12]}"


def _ending(form: str) -> str:
    return ENDINGS[form][0] if form in ENDINGS else ""


def _chosen(store: Store, cells: Sequence[CellFiles] | None) -> list[Path]:
    if cells is None:
        return [path for path in store.all_condensed() if not _is_reference(path)]
    return [files.condensed for files in cells if files.condensed.exists()]


def _is_reference(path: Path) -> bool:
    with reading(path, FILE_TYPE) as file:
        return bool(get_facts(file)["reference"])


def _portable(record: StoredSet, sources: Sources) -> PortableSet:
    condensed, cell = record.condensed, record.cell
    images = condensed.images
    if images is None:
        assert condensed.source_indices is not None, "a condensed set holds images or source_indices"
        images = sources.images(cell, condensed.source_indices).float().div(255)
    return PortableSet(
        images,
        condensed.labels,
        condensed.decoder.factor,
        record.facts,
        cell.dataset.class_names,
        unbounded=condensed.unbounded,
    )
