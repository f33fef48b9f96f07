"""Writing files so that a finished name means a finished file, whatever kills the writer."""

from __future__ import annotations

import os
import re
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dcbench.engine.store.names import SHIPPED

_PRIVATE = re.compile(r"\.(?P<name>.+)\.(?P<host>[^.]+)-(?P<pid>\d+)-[0-9a-f]+\.(?P<kind>tmp|taken)")


def _host() -> str:
    """Return where a process id means something: the host, and its process namespace, as containers have their own."""
    host = re.sub(r"[^\w-]", "_", socket.gethostname()) or "host"
    try:
        return f"{host}-{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:  # only Linux has them
        return host


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside *path*; when the block ends well, make it durable and rename it to *path*.

    A reader sees the old file or the new one, never a part. When the block raises, nothing is left behind. What the
    system says when a disk is full or fails names no file; here it names *path*.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _private_name(path, "tmp")
    try:
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)  # noqa: PTH105  (the one call that the standard promises to be atomic)
        _sync(path.parent)
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _private_name(path: Path, kind: str) -> Path:
    """Return a name beside *path* that no other process uses, and that says whose it is."""
    return path.with_name(f".{path.name}.{_host()}-{os.getpid()}-{secrets.token_hex(4)}.{kind}")


def taken_name(path: Path) -> Path:
    """Return a name of this process alone for a file that it takes away from *path*; `put_back` undoes that."""
    return _private_name(path, "taken")


def put_back(taken: Path) -> None:
    """Give the file at *taken*, a `taken_name`, its name again, unless there is a newer file of that name.

    Whenever it is called, and by whichever process, no file is lost but one that a newer one has replaced.
    """
    private = _PRIVATE.fullmatch(taken.name)
    assert private is not None
    with suppress(FileExistsError, FileNotFoundError):  # a newer one; or another process has put it back
        move_without_replacing(taken, taken.with_name(private["name"]))
    taken.unlink(missing_ok=True)


def move_without_replacing(source: Path, target: Path) -> None:
    """Rename *source* to *target*.

    Raises:
        FileExistsError: there is a file of that name.
    """
    try:
        target.hardlink_to(source)
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError:  # a file system without hard links: the look before the rename must do
        if target.exists():
            raise FileExistsError(target) from None
        source.rename(target)
    source.unlink(missing_ok=True)


def sweep(folder: Path) -> int:
    """Clear up in the results folder *folder* after processes, known here by their ids, that are no longer alive.

    Stores that are shipped below it are left alone. Temporary files go, and files that were taken away get their names
    back.

    Returns:
        how many temporary files were removed.
    """
    removed = 0
    for path in folder.rglob(".*"):
        match = _PRIVATE.fullmatch(path.name)
        if path.relative_to(folder).parts[0] == SHIPPED:
            continue
        if match is None or match["host"] != _host() or _alive(int(match["pid"])):
            continue
        if match["kind"] == "taken":
            put_back(path)
        else:
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
