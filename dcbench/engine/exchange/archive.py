"""One self-contained HDF5 file with the results of a folder, copied group by group; and reading sets out of HDF5."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import torch
from pydantic import ValidationError

from dcbench.api.errors import RequestError
from dcbench.engine.exchange.contents import what_is
from dcbench.engine.exchange.portable import PortableSet
from dcbench.engine.identity import Cell
from dcbench.engine.store.delivering import delivering
from dcbench.engine.store.guards import CorruptFileError, Unpacked, check_datasets
from dcbench.engine.store.hdf5 import file_type_of, get_array, get_facts, put_array, reading, writing
from dcbench.engine.store.names import CellFiles
from dcbench.engine.store.sets import get_set

if TYPE_CHECKING:
    from torch import Tensor

    from dcbench.api.condensed import CondensedSet
    from dcbench.engine.exchange.sources import Sources
    from dcbench.engine.store.store import Store

FILE_TYPE = "export"
SOURCE_IMAGES = "source_images"
"""Next to ``source_indices``, what they select: (N, C, H, W) uint8. Only exports have it."""


@dataclass
class Archived:
    """What went into an archive."""

    files: int = 0
    without_pixels: list[str] = field(default_factory=list)
    """Why a selection is there by its indices alone, a line for each."""


def write_archive(store: Store, target: Path, sources: Sources, cells: Sequence[CellFiles] | None = None) -> Archived:
    """Copy results into *target* under ``<dataset>/<method>/ipc<k>/<file>``.

    A selection of training images gets these images next to its indices, where the data is there: indices mean nothing
    without the same files. Reference rows, such as the whole training set, stay indices.

    Args:
        store: the results folder.
        target: the file to write; it appears whole or not at all, and not if there is nothing to copy.
        sources: the data that selections are made of.
        cells: only the files of these cells; None means all.

    Raises:
        CorruptFileError, UnsupportedFormatError: a file cannot be read; nothing is written.
        OSError: there is no room for it.
    """
    found = [("condensed", path) for path in store.all_condensed()]
    found += [("evaluation", path) for path in store.all_evaluations()]
    chosen = [(file_type, path) for file_type, path in found if cells is None or CellFiles.of(path) in cells]
    done = Archived(len(chosen))
    if chosen:
        room = sum(path.stat().st_size for _, path in chosen)
        with delivering(target) as temporary, writing(temporary, FILE_TYPE, room=room) as file:
            for file_type, path in chosen:
                name = os.path.relpath(path, store.root).removesuffix(".h5")
                with reading(path, file_type) as source:
                    check_datasets(source, Unpacked(path.stat().st_size))
                    file.copy(source, name)
                if file_type == "condensed":
                    _add_pixels(file[name], sources, done)
    return done


def _add_pixels(group: h5py.Group, sources: Sources, done: Archived) -> None:
    if "source_indices" not in group:
        return
    cell = Cell.model_validate(get_facts(group)["cell"])
    if cell.method.budget_exempt:
        return
    try:
        images = sources.images(cell, torch.from_numpy(get_array(group, "source_indices")))
    except RequestError as error:
        done.without_pixels.append(str(error))
    else:
        put_array(group, SOURCE_IMAGES, images.numpy())


def read(path: Path, sources: Sources) -> PortableSet:
    """Return the set at *path*: a ``*.condensed.h5`` of a results folder, or an export that holds one set.

    Raises:
        RequestError: it is another file, holds none or several, or is a selection whose data is not there.
        CorruptFileError, UnsupportedFormatError: see `reading`.
    """
    file_type = _file_type_of(path)
    with reading(path, file_type) as file:
        names = [""] if file_type == "condensed" else _sets_in(file)
        if len(names) == 1:
            group = file[names[0]] if names[0] else file
            condensed, facts = get_set(group), get_facts(group)
            pixels = torch.from_numpy(get_array(group, SOURCE_IMAGES)) if SOURCE_IMAGES in group else None
    if len(names) != 1:
        raise RequestError(f"{path} holds {len(names)} condensed sets; export one alone with --cells, and import that")
    images = condensed.images if condensed.images is not None else pixels
    if images is None:
        images = _selected(condensed, facts, sources)
    return PortableSet(images, condensed.labels, condensed.decoder.factor, facts, unbounded=condensed.unbounded)


def _selected(condensed: CondensedSet, facts: dict[str, object], sources: Sources) -> Tensor:
    assert condensed.source_indices is not None, "a condensed set holds images or source_indices"
    try:
        cell = Cell.model_validate(facts.get("cell"))
    except ValidationError as error:
        raise RequestError("a selection of training images does not say of which data; export it again") from error
    return sources.images(cell, condensed.source_indices, condensed.labels)


def _file_type_of(path: Path) -> str:
    try:
        file_type = file_type_of(path)
    except CorruptFileError as error:
        known = what_is(path)
        known = f", but {known}" if known and "HDF5" not in known else ""
        raise RequestError(f"{path} is not an HDF5 file that dcbench wrote{known}") from error
    if file_type not in {"condensed", FILE_TYPE}:
        raise RequestError(f"{path} is of type {file_type!r}, not a condensed set")
    return file_type


def _sets_in(file: h5py.File) -> list[str]:
    names: list[str] = []
    file.visit(lambda name: names.append(name) if name.endswith(".condensed") else None)
    return names
