"""Fetching files without a sound, and without a trace when it fails."""

from __future__ import annotations

import io
import socket
import warnings
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import TYPE_CHECKING

from filelock import FileLock

from dcbench_plugins.datasets.places import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 30.0
"""Seconds without an answer after which a server counts as out of reach; urllib alone would wait for ever."""


@contextmanager
def fetching(dataset: str, folder: Path) -> Iterator[None]:
    """Let the body download into *folder*: one process at a time, no progress bars, no warnings.

    Folders that were made on the way and stayed empty are removed when the body fails.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    locks = cache_folder()
    try:
        locks.mkdir(parents=True, exist_ok=True)
        with FileLock(locks / f"fetch-{dataset}.lock"), _silence(), _patience():
            yield
    except BaseException:
        for path in made:
            with suppress(OSError):
                path.rmdir()
        raise


@contextmanager
def _silence() -> Iterator[None]:
    """Swallow what torchvision would print: its bars go to standard error."""
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _patience() -> Iterator[None]:
    """Give up on a silent server; torchvision offers no timeout of its own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
