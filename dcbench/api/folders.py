"""The folders of a user, for data and caches, and lock files in them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EACCES, EAGAIN, EWOULDBLOCK
from pathlib import Path

import platformdirs
from filelock import FileLock

_HELD = {EACCES, EAGAIN, EWOULDBLOCK}  # errors of a system where another process holds the lock


def data_folder() -> Path:
    """Return where datasets are unless ``--data`` says otherwise: ``DCBENCH_DATA``, or the user's data folder."""
    return Path(os.environ.get("DCBENCH_DATA") or platformdirs.user_data_dir("dcbench")).expanduser()


def cache_folder() -> Path:
    """Return the folder for what can be computed again: ``DCBENCH_CACHE``, or the user's cache folder."""
    return Path(os.environ.get("DCBENCH_CACHE") or platformdirs.user_cache_dir("dcbench")).expanduser()


@contextmanager
def holding(path: Path) -> Iterator[bool]:
    """Wait for the lock file *path* and hold it; yield whether it is held.

    Some file systems (NFS, Lustre) are mounted without locks. The body then runs without one, and another process may
    do the same work. That does no harm to files that are written under a temporary name and renamed. A lock file that
    merely exists would be worse: it outlives a process that is killed, and then stops every other process.

    Raises:
        OSError: the lock file cannot be made.
    """
    if _can_lock(path):
        with FileLock(path):
            yield True
    else:
        yield False


def _can_lock(path: Path) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows, whose file systems all have locks
        return True
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in _HELD
    finally:
        os.close(descriptor)
    return True
