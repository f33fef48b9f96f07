"""What reports read of result files, kept in one file, so that a report over many cells opens few of them.

There is one cache file for each results folder and type of file, in the folder for caches: a results folder may be
shared, or not be writable. An entry counts as long as size, time of change (mtime and ctime, in nanoseconds) and inode
of its file are unchanged. The store replaces files by renaming: the new file has another inode, and a program cannot
set its ctime. So a file that is replaced within a second by one of equal size, with its mtime set back, is read again.
The clock of a file system may be coarse, and an inode may be used again: a file that changed in the two seconds before
it was read is not kept.

The cache file is written whole or not at all, and has a checksum. One that is damaged, or was written by other code,
is ignored, and all files are read.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from dcbench.api.folders import cache_folder
from dcbench.engine.store.atomic import replacing

Record = dict[str, Any]
"""What is kept of a file: JSON values by name."""

_FEWEST = 100  # files; reading fewer takes less than a second
_SETTLED = 2 * 10**9  # nanoseconds after a change; FAT, the coarsest, counts in two seconds
_SHARED = (dict, list)  # values that many files have alike, such as settings: each is kept once

_State = list[int]


def read_cached(
    root: Path, paths: Sequence[Path], read: Callable[[Path], Record | None], code: Sequence[Callable[..., Any]]
) -> Iterator[tuple[Path, Record]]:
    """Yield each of *paths* with what *read* makes of it, or what the cache has of it.

    Args:
        root: the results folder; all *paths* lie below it.
        paths: files of one type.
        read: returns what is kept of a file; None for a file that is left out, which is never kept.
        code: the functions that decide what *read* returns. What other versions of their modules made does not count.
    """
    if len(paths) < _FEWEST:
        yield from ((path, record) for path in paths if (record := read(path)) is not None)
        return
    file = _file_of(root, read)
    stamp = _stamp(code)
    known = _load(file, stamp)
    kept: dict[str, tuple[_State, Record]] = {}
    changed = False
    for path in paths:
        name = str(path.relative_to(root))
        state = _state(path)
        entry = known.get(name)
        if entry is not None and entry[0] == state:
            kept[name] = entry
            yield path, entry[1]
            continue
        changed = True
        record = read(path)
        if record is None:
            continue
        # The file may have been replaced while it was read; then neither state is that of what was read.
        if state is not None and state == _state(path) and _is_settled(state):
            kept[name] = state, record
        yield path, record
    if changed or len(kept) < len(known):
        with suppress(OSError):  # the folder cannot be written, or the disk is full: the next report reads again
            _save(file, stamp, kept)


def _file_of(root: Path, read: Callable[[Path], Record | None]) -> Path:
    folder = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:16]
    return cache_folder() / "results" / f"{folder}-{read.__name__.strip('_')}.cache"


def _stamp(code: Sequence[Callable[..., Any]]) -> str:
    """Return a hash of the modules that *code* is in, and of this one."""
    value = hashlib.sha256()
    for file in sorted({__file__, *(inspect.getfile(function) for function in code)}):
        value.update(Path(file).read_bytes())
    return value.hexdigest()


def _state(path: Path) -> _State | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def _is_settled(state: _State) -> bool:
    _, mtime, ctime, _ = state
    return time.time_ns() - max(mtime, ctime) > _SETTLED


def _load(file: Path, stamp: str) -> dict[str, tuple[_State, Record]]:
    """Return the entries of *file* by the name of their file; nothing if it is missing, damaged or of other code."""
    try:
        head, _, packed = file.read_bytes().partition(b"\n")
        if head.decode() != f"{stamp} {hashlib.sha256(packed).hexdigest()}":
            return {}
        held = json.loads(zlib.decompress(packed))
        values = held["values"]
        return {
            name: (state, plain | {field: values[place] for field, place in shared.items()})
            for name, (state, plain, shared) in held["files"].items()
        }
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError, zlib.error):
        return {}


def _save(file: Path, stamp: str, kept: dict[str, tuple[_State, Record]]) -> None:
    values: dict[str, int] = {}
    files = {}
    for name, (state, record) in kept.items():
        plain = {field: value for field, value in record.items() if not isinstance(value, _SHARED)}
        shared = {
            field: values.setdefault(json.dumps(value), len(values))
            for field, value in record.items()
            if field not in plain
        }
        files[name] = state, plain, shared
    body = f'{{"values": [{", ".join(values)}], "files": {json.dumps(files)}}}'
    packed = zlib.compress(body.encode(), 1)
    with replacing(file) as temporary:
        temporary.write_bytes(f"{stamp} {hashlib.sha256(packed).hexdigest()}\n".encode() + packed)
