"""Writing output to a path that a user names: a file, a link to one, a pipe or a terminal."""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EISDIR
from pathlib import Path
from typing import IO

from dcbench.engine.store.atomic import replacing

_DESCRIPTOR = re.compile(r"/dev/(?P<name>stdout|stderr)|/(?:dev|proc/self)/fd/(?P<number>\d+)")
_NUMBERS = {"stdout": 1, "stderr": 2}
_MOST_LINKS = 40  # as the system follows


@contextmanager
def delivering(path: Path) -> Iterator[Path]:
    """Yield a temporary path; when the block ends well, what was written there is at *path*, whole.

    A file is replaced in one step, and keeps its permissions; one whose folder cannot be written is written in place.
    A link stays, and the file that it leads to is replaced. A pipe, a device or ``/dev/stdout`` gets what was written.

    Raises:
        OSError: it cannot be written; a file that was there before is as it was.
    """
    target = _followed(path)
    if target.is_dir():
        raise IsADirectoryError(EISDIR, os.strerror(EISDIR), str(path))
    if _is_a_file_to_replace(target):
        with replacing(target) as temporary:
            yield temporary
            if target.exists():
                temporary.chmod(stat.S_IMODE(target.stat().st_mode))
        return
    with tempfile.TemporaryDirectory(prefix="dcbench-") as folder:
        made = Path(folder) / path.name
        yield made
        with made.open("rb") as source, _opened(target) as stream:
            shutil.copyfileobj(source, stream)


def deliver_text(path: Path, text: str) -> None:
    """Write *text* to *path*, see `delivering`."""
    with delivering(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _followed(path: Path) -> Path:
    """Return where *path* leads, but for names of open files: what they lead to is not to be replaced."""
    place = Path(os.path.abspath(path))  # noqa: PTH100  (without following links)
    for _ in range(_MOST_LINKS):
        if _descriptor(place) is not None or not place.is_symlink():
            break
        place = Path(os.path.abspath(place.parent / place.readlink()))  # noqa: PTH100
    return place


def _descriptor(place: Path) -> int | None:
    named = _DESCRIPTOR.fullmatch(str(place))
    return None if named is None else _NUMBERS.get(named["name"]) or int(named["number"])


def _is_a_file_to_replace(target: Path) -> bool:
    if _descriptor(target) is not None or (target.exists() and not target.is_file()):
        return False
    return os.access(target.parent, os.W_OK) or not target.exists()


def _opened(target: Path) -> IO[bytes]:
    descriptor = _descriptor(target)
    if descriptor is None:
        return target.open("wb")
    sys.stdout.flush()
    sys.stderr.flush()
    return os.fdopen(os.dup(descriptor), "wb")
