"""One way to write and to read HDF5: checksummed, stamped with kind and format, and honest about damage."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from errno import ENOSPC
from importlib.metadata import version
from io import BytesIO
from os import strerror
from pathlib import Path
from shutil import disk_usage
from typing import Any

import h5py
import numpy as np

from dcbench.api.errors import DcbenchError, UnsupportedFormatError
from dcbench.engine.store.atomic import replacing

FORMAT = 1
"""Raise it when older readers would misread a file."""

# Checksums in object headers and, from v110 on, in the indexes of chunks; every HDF5 since 1.12 reads it.
_LIBVER = ("v110", "v112")
_FACTS = "facts"
# How HDF5 quotes the system; h5py makes an OSError of it where a file is opened, and a KeyError where an object is.
_REFUSED = re.compile(r"errno = \d+, error message = '([^']*)'")


class UnreadableFileError(DcbenchError):
    """A result file cannot be read; `path` is its path."""

    def __init__(self, path: Path, reason: object, trouble: str = "cannot be read now") -> None:
        """Name the file, its *trouble*, and what the reader said."""
        super().__init__(f"{path} {trouble}: {' '.join(str(reason).split())}")
        self.path = path


class CorruptFileError(UnreadableFileError):
    """A result file does not open, or what it holds fails its checksum."""

    def __init__(self, path: Path, reason: object) -> None:
        """Name the file and what the reader said."""
        super().__init__(path, reason, "is damaged")


@contextmanager
def writing(path: Path, kind: str, *, room: int | None = None) -> Iterator[h5py.File]:
    """Yield a new file of *kind* that appears at *path*, whole and durable, when the block ends well.

    It is made in memory, since HDF5 itself may crash the process on a full disk.

    Args:
        path: the file to write.
        kind: what `reading` is to expect.
        room: about how many bytes it will have, if these may be more than the memory has. It is then made on the disk,
            provided that they are free there.

    Raises:
        OSError: it cannot be written, as on a full disk; nothing of it stays.
    """
    with replacing(path) as temporary:
        if room is not None and room > disk_usage(path.parent).free:
            raise OSError(ENOSPC, strerror(ENOSPC))
        made = BytesIO() if room is None else temporary
        with h5py.File(made, "w", libver=_LIBVER) as file:
            put_text(file, "dcbench_kind", kind)
            file.attrs["dcbench_format"] = FORMAT
            put_text(file, "dcbench_version", version("dcbench"))
            yield file
        if isinstance(made, BytesIO):
            temporary.write_bytes(made.getbuffer())


@contextmanager
def reading(path: Path, kind: str) -> Iterator[h5py.File]:
    """Yield the file of *kind* at *path*, open for reading.

    Raises:
        CorruptFileError: it does not open, or something read in the block is damaged or missing.
        UnreadableFileError: the system refuses it: no permission, a lock, a failing disk. The file may be whole.
        UnsupportedFormatError: another version of dcbench wrote it in a format this one does not know.
        FileNotFoundError: there is no such file.
    """
    try:
        with h5py.File(path, "r") as file:
            _check(file, path, kind)
            yield file
    except FileNotFoundError:
        raise
    except (OSError, LookupError, RuntimeError, TypeError, ValueError) as error:  # whatever h5py makes of the damage
        refused = _REFUSED.search(str(error))
        raise (UnreadableFileError(path, refused[1]) if refused else CorruptFileError(path, error)) from error


def _check(file: h5py.File, path: Path, kind: str) -> None:
    if file.attrs["dcbench_format"] != FORMAT:
        writer = get_text(file, "dcbench_version")
        raise UnsupportedFormatError(
            f"{path} has format {file.attrs['dcbench_format']}, written by dcbench {writer}; "
            f"this is dcbench {version('dcbench')}, which reads format {FORMAT}"
        )
    found = get_text(file, "dcbench_kind")
    if found != kind:
        raise CorruptFileError(path, f"it holds {found!r} where {kind!r} is expected")


def put_array(group: h5py.Group, name: str, values: Any) -> None:
    """Store *values* as a dataset: chunked, compressed and checksummed where it has a length; texts as they are."""
    array = np.asarray(values)
    if array.dtype.kind in "OU":
        group.create_dataset(name, data=array.astype(object), dtype=h5py.string_dtype())
    elif array.ndim == 0 or array.size == 0:
        group.create_dataset(name, data=array)
    else:
        group.create_dataset(
            name, data=array, chunks=True, compression="gzip", compression_opts=1, shuffle=True, fletcher32=True
        )


def put_text(group: h5py.Group, name: str, text: str) -> None:
    """Store *text* as an attribute of fixed length: it then lies in the object header, which has a checksum."""
    group.attrs[name] = np.bytes_(text.encode())


def get_text(group: h5py.Group, name: str) -> str:
    """Return a text stored by `put_text`, or by another writer as HDF5's own text."""
    value = group.attrs[name]
    return value if isinstance(value, str) else bytes(value).decode()


def put_facts(group: h5py.Group, facts: Mapping[str, Any]) -> None:
    """Store *facts* as one JSON text, the attribute ``facts``: HDF5 is slow to read many attributes."""
    put_text(group, _FACTS, json.dumps(dict(facts)))


def get_facts(group: h5py.Group) -> dict[str, Any]:
    """Return what `put_facts` stored."""
    facts: dict[str, Any] = json.loads(get_text(group, _FACTS))
    return facts
