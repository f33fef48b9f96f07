"""A finished name means a finished file, whatever kills the writer; damaged files, and no others, are set aside."""

from __future__ import annotations

import os
import re
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from dcbench.engine.store.guards import CorruptFileError
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
    """Yield a temporary path next to *path*; when the block ends well, make it durable and rename it to *path*.

    A reader sees the old file or the new one, never a part. When the block raises, nothing stays. The system's error on
    a full or failing disk names no file; here it names *path*.
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
    """Return a name next to *path* that no other process uses and that holds the id of this one."""
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
    """Clear up in the results folder *folder* after processes of this host that are no longer alive.

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


Read = TypeVar("Read")

# Two front ends may find the same damage, and each may be anywhere between finding and renaming while the other one
# makes the file anew under the same name. D is the damaged file, N the new one.
#
# * N takes the name before this process opens it: N is read, and found whole. Nothing is renamed.
# * N takes the name while D is read again: the name no longer leads to what was opened. Nothing is renamed.
# * N takes the name after that look and before the rename: N is taken away under a private name. It is not the file
#   that was opened, so it goes back. That is a link, which never replaces: where a still newer file has the name by
#   then, that one stays.
# * Another process renames D first: there is nothing to open, or nothing to rename.
# * Both have D open: one rename finds it, the other one finds nothing, or N, which goes back.
# * This process is killed between the rename and the end: the next run's `sweep` finds the private name of a dead
#   process and puts the file back, be it D, which is then found damaged once more, or N.
#
# D stays open all the time: the system gives its inode to no other file until it is closed, so that equal inodes mean
# the same file.


def set_aside(path: Path, read: Callable[[Path], object]) -> Path | None:
    """Rename the file at *path*, which was found damaged, to ``*.corrupt`` if it still is; return its new path.

    Args:
        path: where the damage was found; another process may have renamed that file since, or made it anew.
        read: reads the whole file and raises `CorruptFileError` where it is damaged.

    Returns:
        the new path, or None if a damaged file is no longer there.

    Raises:
        UnreadableFileError: the file cannot be read now; it stays.
    """
    try:
        held = os.open(path, getattr(os, "O_PATH", os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)))
    except FileNotFoundError:
        return None
    try:
        return _rename(path, held) if _damaged(path, read) and _leads_to(path, held) else None
    finally:
        os.close(held)


def read_or_set_aside(path: Path, read: Callable[[Path], Read]) -> Read | None:
    """Return what *read* finds at *path*, or None: there is no file, or a damaged one, which is then set aside.

    Raises:
        UnreadableFileError: the file cannot be read now; it stays.
    """
    while True:
        try:
            return read(path)
        except FileNotFoundError:
            return None
        except CorruptFileError:
            if set_aside(path, read) is not None:
                return None  # else another process has renamed it, or made it anew: look again


def _damaged(path: Path, read: Callable[[Path], object]) -> bool:
    try:
        read(path)
    except CorruptFileError:
        return True
    except FileNotFoundError:
        return False
    return False


def _leads_to(path: Path, held: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(held))
    except FileNotFoundError:
        return False


def _rename(path: Path, held: int) -> Path | None:
    taken = taken_name(path)
    try:
        path.rename(taken)
    except FileNotFoundError:  # another job found the same damage and was faster
        return None
    if not _leads_to(taken, held):
        put_back(taken)
        return None
    number = 1
    while True:
        aside = path.with_name(f"{path.name}.corrupt" if number == 1 else f"{path.name}.{number}.corrupt")
        with suppress(FileExistsError):  # of an earlier damage
            move_without_replacing(taken, aside)
            return aside
        number += 1
