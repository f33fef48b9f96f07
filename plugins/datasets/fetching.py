"""Fetching files without a sound, and without a trace when it fails."""

from __future__ import annotations

import io
import socket
import warnings
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from dcbench.api.folders import cache_folder, holding

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 30.0
"""Seconds without an answer after which a server counts as out of reach; urllib alone would wait for ever."""


@contextmanager
def fetching(dataset: str, folder: Path) -> Iterator[Path]:
    """Lend the body a folder to download into: one process at a time, no progress bars, no warnings.

    It lies in *folder*, so that files can be renamed into their places when they are whole, and is removed with all
    that is left in it. When the body fails, folders that were made on the way and stayed empty are removed too.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    locks = cache_folder()
    try:
        locks.mkdir(parents=True, exist_ok=True)
        with holding(locks / f"fetch-{dataset}.lock"), _silence(), _patience():
            folder.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(prefix=".fetch-", dir=folder) as temporary:
                yield Path(temporary)
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
