"""What is refused of a file before it is read: it may block its reader, be damaged, or unpack to far more than it has.

Every file of a results folder and every file of an import passes here before it is opened: both may come from
strangers. HDF5 can take values from any other file, and fills up those that a file lacks. Links that lead out of a file
are refused when it is opened: one walk, a microsecond each. A dataset is checked when it is read.
"""

from __future__ import annotations

import json
import math
import stat
from pathlib import Path
from typing import Any

import h5py
from h5py import h5d, h5l, h5z

from dcbench.api.errors import DcbenchError


class UnreadableFileError(DcbenchError):
    """A result file cannot be read; `path` is its path."""

    def __init__(self, path: Path, reason: object, trouble: str = "cannot be read now") -> None:
        """Name the file, its *trouble*, and the reason that the reader gave."""
        super().__init__(f"{path} {trouble}: {' '.join(str(reason).split())}")
        self.path = path


class CorruptFileError(UnreadableFileError):
    """A result file does not open, or what it holds fails its checksum."""

    def __init__(self, path: Path, reason: object) -> None:
        """Name the file and the reason that the reader gave."""
        super().__init__(path, reason, "is damaged")


_FREE = 256 * 2**20  # bytes that a file of any size may unpack to
_RATIO = 100  # times its own size that it may unpack to beyond that; real images and weights are below 5
_LONGEST_TEXT = 16 * 2**20  # bytes; records of failures keep a traceback, the facts of a set a few thousand bytes

_OTHER_THINGS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def check_is_file(path: Path, trouble: str = "cannot be read now") -> int:
    """Return the size of the file at *path* in bytes. A pipe would block its reader for ever; it is never opened.

    Args:
        path: what to look at.
        trouble: what the text says of *path* where something else stands there.

    Raises:
        UnreadableFileError: something else stands there: a folder, a pipe, a socket or a device.
        OSError: it is not there, or may not be looked at.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        thing = _OTHER_THINGS.get(stat.S_IFMT(status.st_mode), "something else")
        raise UnreadableFileError(path, f"it is {thing}, not a file", trouble)
    return status.st_size


class Unpacked:
    """Counts what a file unpacks to: at most `_RATIO` times its own size, and `_FREE` in any case."""

    def __init__(self, size: int) -> None:
        """Begin with nothing; *size* is that of the file in bytes."""
        self.size = size
        self._bytes = 0

    def add(self, more: int, what: str) -> None:
        """Add *more* bytes, before they are unpacked.

        Raises:
            ValueError: it is out of proportion to the file; the text names *what* was to be unpacked.
        """
        self._bytes += more
        if self._bytes > _FREE + _RATIO * self.size:
            raise ValueError(f"{what} would unpack to {more / 1e9:,.1f} GB, from a file of {self.size:,} bytes")


def read_json(path: Path) -> Any:
    """Return what the JSON file at *path* holds.

    Raises:
        UnreadableFileError: something else stands there.
        ValueError: it is not JSON or not UTF-8, nested too deeply, or longer than any that dcbench writes.
        OSError: it is not there, or cannot be read.
    """
    if check_is_file(path) > _LONGEST_TEXT:
        raise ValueError(f"it is longer than {_LONGEST_TEXT // 2**20} MiB")
    return parse_json(path.read_text(encoding="utf-8"))


def parse_json(text: str) -> Any:
    """Return what *text* holds as JSON.

    Raises:
        ValueError: it is not JSON, or nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


_FILTERS = {h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32}
_LAYOUTS = {h5d.COMPACT, h5d.CONTIGUOUS, h5d.CHUNKED}


def check_links(file: h5py.File) -> None:
    """Refuse *file* if one of its links leads to another file, or stands for another link.

    Raises:
        ValueError: the text names the link.
    """

    def leads_out(name: bytes, link: Any) -> bytes | None:  # what is not None ends the walk; h5py cannot raise in it
        return None if link.type == h5l.TYPE_HARD else name

    name = file.id.links.visit(leads_out, info=True)
    if name is not None:
        shown = name.decode(errors="replace")
        raise ValueError(f"{shown!r} is a link to something else; a result file holds all that it names")


def check_datasets(file: h5py.File, unpacked: Unpacked) -> None:
    """Apply `check_dataset` to all datasets of *file*.

    Raises:
        ValueError: the text names the first that is refused.
    """
    found: list[h5py.Dataset] = []
    file.visititems(lambda _, each: found.append(each) if isinstance(each, h5py.Dataset) else None)
    for dataset in found:
        check_dataset(dataset, unpacked)


def check_dataset(dataset: h5py.Dataset, unpacked: Unpacked) -> None:
    """Count the values of *dataset* as *unpacked*.

    Raises:
        ValueError: they are not all in the file, or unpack to far more than it has.
    """
    found, shown = dataset.id, repr(str(dataset.name).removeprefix("/"))
    plan = found.get_create_plist()
    layout = plan.get_layout()
    if layout not in _LAYOUTS or plan.get_external_count():
        raise ValueError(f"the values of {shown} lie in other files; a result file holds its own")
    size, width = math.prod(found.shape), found.get_type().get_size()
    if not size:
        return
    if layout == h5d.CHUNKED:
        if any(plan.get_filter(place)[0] not in _FILTERS for place in range(plan.get_nfilters())):
            raise ValueError(f"{shown} is packed by a filter that dcbench does not use")
        chunk = plan.get_chunk()
        chunks = math.prod(-(-total // part) for total, part in zip(found.shape, chunk, strict=True))
        unpacked.add(chunks * math.prod(chunk) * width, shown)  # a chunk is unpacked as a whole
        whole = found.get_num_chunks() >= chunks
    else:
        unpacked.add(size * width, shown)
        whole = found.get_storage_size() >= size * width
    if not whole:
        raise ValueError(f"{shown} has {size * width:,} bytes of values, and the file lacks some of them")
