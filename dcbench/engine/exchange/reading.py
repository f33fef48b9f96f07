"""Reading a condensed set in whatever format it comes, and saying which file that was."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from dcbench.engine.exchange import archive, image_folder, npz_file, safetensors_file, torch_file
from dcbench.engine.exchange.formats import import_format

if TYPE_CHECKING:
    from dcbench.api.images import DatasetInfo
    from dcbench.engine.exchange.portable import PortableSet
    from dcbench.engine.exchange.sources import Sources


def read_set(path: Path, info: DatasetInfo, sources: Sources, number: int) -> PortableSet:
    """Return the set at *path*, as the file has it.

    Args:
        path: a folder of images, or a file of one of the formats.
        info: the dataset that the set is for; names the classes of folders.
        sources: the data that a selection is made of.
        number: which set, in a file with several.

    Raises:
        DcbenchError: the file is of no known format, damaged, unsafe, or holds no such set.
    """
    match import_format(path):
        case "images":
            return image_folder.read(path, info)
        case "hdf5":
            return archive.read(path, sources)
        case "safetensors":
            return safetensors_file.read(path)
        case "pt":
            return torch_file.read(path, number)
        case _:
            return npz_file.read(path)


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal; for a folder, of the names and contents of all files below it."""
    if path.is_file():
        with path.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    value = hashlib.sha256()
    for file in sorted(found for found in path.rglob("*") if found.is_file()):
        value.update(f"{file.relative_to(path).as_posix()}\0{hash_file(file)}\n".encode())
    return value.hexdigest()
