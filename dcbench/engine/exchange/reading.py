"""Reads a condensed set in any of the formats, and identifies the file by a hash."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dcbench.api.errors import RequestError
from dcbench.engine.exchange import archive, image_folder, npz_file, safetensors_file, torch_file
from dcbench.engine.exchange.formats import import_format
from dcbench.engine.store.guards import check_is_file

if TYPE_CHECKING:
    from dcbench.api.data import DatasetInfo
    from dcbench.engine.exchange.image_folder import Folders
    from dcbench.engine.exchange.portable import PortableSet
    from dcbench.engine.exchange.sources import Sources


def read_sets(path: Path, info: DatasetInfo, sources: Sources, folders: Folders | None = None) -> list[PortableSet]:
    """Return the sets at *path*, as the file has them: one, or those of several experiments.

    Args:
        path: a folder of images, or a file of one of the formats.
        info: the dataset that the set is for; names the classes of folders.
        sources: the data that a selection is made of.
        folders: what the folders of a folder of images are called.

    Raises:
        DcbenchError: the file is of no known format, damaged, unsafe, or holds no set.
    """
    form = import_format(path)
    if form != "images":
        check_is_file(path)
    if folders is not None and form != "images":
        raise RequestError(f"--folders {folders} goes with a folder of images, and {path} is a file")
    match form:
        case "images":
            return [image_folder.read(path, info, folders)]
        case "hdf5":
            return [archive.read(path, sources)]
        case "safetensors":
            return [safetensors_file.read(path)]
        case "npz":
            return [npz_file.read(path)]
        case _:
            return torch_file.read_all(path)


def hash_source(path: Path, companions: Sequence[Path] = ()) -> str:
    """Return the SHA-256, in hexadecimal, of what a set was read from: the file at *path*.

    For a folder it is that of the names and contents of all files below it, sorted; with files *companions* the one at
    *path*, of the names and contents of all of them, in this order.
    """
    if path.is_dir():
        return _hash_named(path, sorted(found for found in path.rglob("*") if found.is_file()))
    return _hash_named(path.parent, [path, *companions]) if companions else _hash_file(path)


def _hash_named(folder: Path, files: Sequence[Path]) -> str:
    lines = [f"{file.relative_to(folder).as_posix()}\0{_hash_file(file)}\n" for file in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _hash_file(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
