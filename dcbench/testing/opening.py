"""Which files a piece of code opens."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

_listening: list[list[str]] = []


@contextmanager
def opened_files() -> Iterator[list[str]]:
    """Yield a list to which every file is added, by its real path, that Python opens in the block.

    Native code that opens files by itself, such as HDF5, is not seen.
    """
    _listen()
    opened: list[str] = []
    _listening.append(opened)
    try:
        yield opened
    finally:
        _listening.pop()


@cache
def _listen() -> None:
    sys.addaudithook(_hear)  # stays for the life of the process, so there is one only


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and _listening and isinstance(arguments[0], str | bytes | os.PathLike):
        path = os.path.realpath(os.fsdecode(arguments[0]))
        for opened in _listening:
            opened.append(path)
