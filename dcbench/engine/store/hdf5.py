"""One way to write and to read HDF5: checksummed, stamped with type and format; damage becomes an error."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from errno import ENOSPC
from io import BytesIO
from os import strerror
from pathlib import Path
from shutil import disk_usage
from typing import Any

import h5py
import numpy as np

from dcbench.api.distribution import version
from dcbench.api.errors import DcbenchError, UnsupportedFormatError
from dcbench.engine.store.atomic import replacing
from dcbench.engine.store.guards import (
    CorruptFileError,
    Unpacked,
    UnreadableFileError,
    check_dataset,
    check_is_file,
    check_links,
    parse_json,
)

FORMAT = 1
"""Raise it when older readers would misread a file."""

# Checksums in object headers and, from v110 on, in the indexes of chunks; every HDF5 since 1.12 reads it.
_LIBVER = ("v110", "v112")
_FACTS, _CHECKSUM = "facts", "sha256"
_unpacked: ContextVar[Unpacked] = ContextVar("unpacked")
"""What the file that is being read has unpacked to."""
_BLOCK = 64 * 2**20  # bytes that the texts which are read at once may have together
# How HDF5 quotes the system; h5py makes an OSError of it where a file is opened, and a KeyError where an object is.
_REFUSED = re.compile(r"errno = \d+, error message = '([^']*)'")


@contextmanager
def writing(path: Path, file_type: str, *, room: int | None = None) -> Iterator[h5py.File]:
    """Yield a new file of *file_type* that appears at *path*, whole and durable, when the block ends well.

    It is made in memory, since HDF5 itself may crash the process on a full disk.

    Args:
        path: the file to write.
        file_type: what `reading` is to expect.
        room: about how many bytes it will have, if these may be more than the memory has. It is then made on the disk,
            provided that they are free there.

    Raises:
        OSError: it cannot be written, as on a full disk; nothing of it stays.
    """
    with replacing(path) as temporary:
        if room is not None and room > disk_usage(path.parent).free:
            raise OSError(ENOSPC, strerror(ENOSPC))
        made = BytesIO() if room is None else temporary
        with h5py.File(made, "w", libver=_LIBVER, locking=False) as file:
            put_text(file, "dcbench_kind", file_type)
            file.attrs["dcbench_format"] = FORMAT
            put_text(file, "dcbench_version", version())
            yield file
        if isinstance(made, BytesIO):
            temporary.write_bytes(made.getbuffer())


@contextmanager
def reading(path: Path, file_type: str) -> Iterator[h5py.File]:
    """Yield the file of *file_type* at *path*, open for reading.

    Raises:
        CorruptFileError: it does not open, something read in the block is damaged or missing, or it refers to other
            files or unpacks to far more than it holds.
        UnreadableFileError: the system refuses it: no permission, a failing disk, no file at all but a pipe. The file
            may be whole.
        UnsupportedFormatError: another version of dcbench wrote it in a format that this one does not read.
        FileNotFoundError: there is no such file.
    """
    with _opened(path) as file:
        _check(file, path, file_type)
        check_links(file)
        yield file


def file_type_of(path: Path) -> str:
    """Return the type of the file at *path*, as `writing` stamped it.

    Raises:
        CorruptFileError, UnreadableFileError, FileNotFoundError: see `reading`.
    """
    with _opened(path) as file:
        return get_text(file, "dcbench_kind")


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    """Yield the HDF5 file at *path*, and turn all that HDF5 and h5py make of damage into our errors.

    No lock is taken: a finished name is never written again, and not every file system has locks.
    """
    try:
        begun = _unpacked.set(Unpacked(check_is_file(path)))
        try:
            with h5py.File(path, "r", locking=False) as file:
                yield file
        finally:
            _unpacked.reset(begun)
    except (FileNotFoundError, DcbenchError):
        raise
    except PermissionError as error:
        raise UnreadableFileError(path, error.strerror) from error
    except MemoryError as error:
        raise UnreadableFileError(path, "there is not enough memory") from error
    except Exception as error:  # h5py, NumPy and torch raise many errors on damage
        refused = _REFUSED.search(str(error))
        raise (UnreadableFileError(path, refused[1]) if refused else CorruptFileError(path, error)) from error


def _check(file: h5py.File, path: Path, file_type: str) -> None:
    found_format = get_number(file, "dcbench_format")
    if found_format != FORMAT:
        writer = get_text(file, "dcbench_version")
        raise UnsupportedFormatError(
            f"{path} has format {found_format}, written by dcbench {writer}; "
            f"this is dcbench {version()}, which reads format {FORMAT}"
        )
    found = get_text(file, "dcbench_kind")
    if found != file_type:
        raise CorruptFileError(path, f"it holds {found!r} where {file_type!r} is expected")


def put_array(group: h5py.Group, name: str, values: Any) -> None:
    """Store *values* as a dataset: chunked, compressed and checksummed where it has a length.

    Texts are kept as they are. HDF5 has no checksum for them: theirs is an attribute of the dataset.
    """
    array = np.asarray(values)
    if array.dtype.kind in "OU":
        texts = group.create_dataset(name, data=array.astype(object), dtype=h5py.string_dtype())
        put_text(texts, _CHECKSUM, _hash(array.reshape(-1).tolist()))
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
    """Return a text stored by `put_text`, or by another writer as HDF5's own text.

    Raises:
        TypeError: it is something else.
    """
    value = group.attrs[name]
    if not isinstance(value, str | bytes):  # bytes(n) would be n zeros
        raise TypeError(f"{name!r} is not a text")
    return value if isinstance(value, str) else bytes(value).decode()


def get_number(group: h5py.Group, name: str) -> int | float:
    """Return a number that is an attribute.

    Raises:
        TypeError: it is something else.
    """
    value = group.attrs[name]
    if not isinstance(value, np.integer | np.floating):
        raise TypeError(f"{name!r} is not a number")
    return value.item()


def get_array(group: h5py.Group, name: str) -> Any:
    """Return numbers, or booleans, stored by `put_array`.

    Raises:
        TypeError: it is something else, such as texts, references or records.
    """
    dataset = group[name]
    dtype = dataset.dtype if isinstance(dataset, h5py.Dataset) else np.dtype(object)
    if dtype.kind not in "biufc" or dtype.metadata:  # an enumeration is a number with names
        raise TypeError(f"{name!r} holds no plain numbers")
    check_dataset(dataset, _counter())
    return dataset[()]


def _counter() -> Unpacked:
    """Return what counts for the file that `reading` has open; what is read otherwise is a file of the caller's own."""
    return _unpacked.get(None) or Unpacked(2**62)


def get_texts(group: h5py.Group, name: str) -> Any:
    """Return texts stored by `put_array`: an array of texts, or one text.

    Each is kept apart from the others in the file, and many can be one: they are read a block at a time, and counted.

    Raises:
        TypeError: they are something else.
        ValueError: they fail their checksum, or would unpack to far more than the file holds.
    """
    dataset = group[name]
    if not isinstance(dataset, h5py.Dataset) or h5py.check_string_dtype(dataset.dtype) is None or dataset.ndim > 1:
        raise TypeError(f"{name!r} holds no texts")
    unpacked = _counter()
    check_dataset(dataset, unpacked)
    if dataset.ndim == 0:
        text = dataset.asstr()[()]
        _verify(dataset, [text])
        return text
    block = max(1, _BLOCK // (unpacked.size + 1))
    texts: list[str] = []
    for start in range(0, len(dataset), block):
        read = dataset.asstr()[start : start + block]
        unpacked.add(sum(map(len, read)), repr(name))
        texts.extend(read)
    _verify(dataset, texts)
    return np.array(texts, dtype=object)


def _verify(dataset: h5py.Dataset, texts: Iterable[str]) -> None:
    if _CHECKSUM in dataset.attrs and get_text(dataset, _CHECKSUM) != _hash(texts):  # older files have none
        raise ValueError(f"the texts {str(dataset.name).removeprefix('/')!r} do not have their checksum")


def _hash(texts: Iterable[str]) -> str:
    value = hashlib.sha256()
    for text in texts:
        encoded = str(text).encode()
        value.update(b"%d:" % len(encoded) + encoded)
    return value.hexdigest()


def put_facts(group: h5py.Group, facts: Mapping[str, Any]) -> None:
    """Store *facts* as one JSON text, the attribute ``facts``: HDF5 is slow to read many attributes."""
    put_text(group, _FACTS, json.dumps(dict(facts)))


def get_facts(group: h5py.Group) -> dict[str, Any]:
    """Return what `put_facts` stored."""
    facts = parse_json(get_text(group, _FACTS))
    if not isinstance(facts, dict):
        raise TypeError(f"{_FACTS!r} is not a JSON object")
    return facts
