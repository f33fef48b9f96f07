"""What a file may not do to the process that reads it: block it, or unpack to far more than the file is long.

Every file of a results folder and every file of an import goes through here before it is opened: both may come from
strangers.
"""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

from dcbench.engine.store.errors import UnreadableFileError

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
