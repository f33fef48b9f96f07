"""Writing files so that a finished name means a finished file, whatever kills the writer."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TEMPORARY = re.compile(r"\.(?P<name>.+)\.(?P<host>[^.]+)-(?P<pid>\d+)\.tmp")


def _host() -> str:
    return re.sub(r"[^\w-]", "_", socket.gethostname()) or "host"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside *path*; when the block ends well, make it durable and rename it to *path*.

    A reader sees the old file or the new one, never a part. When the block raises, nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{_host()}-{os.getpid()}.tmp")
    try:
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)  # noqa: PTH105  (the one call that the standard promises to be atomic)
        _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def sweep(folder: Path) -> int:
    """Remove temporary files below *folder* whose writer, on this host, is no longer alive. Return how many."""
    removed = 0
    for path in folder.rglob(".*.tmp"):
        match = _TEMPORARY.fullmatch(path.name)
        if match and match["host"] == _host() and not _alive(int(match["pid"])):
            path.unlink(missing_ok=True)
            removed += 1
    return removed


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
