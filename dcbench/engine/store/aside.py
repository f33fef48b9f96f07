"""Setting a damaged file aside, so that it counts as missing, without ever taking away a whole one."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from dcbench.engine.store.atomic import move_without_replacing, put_back, taken_name
from dcbench.engine.store.hdf5 import CorruptFileError

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
