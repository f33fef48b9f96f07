"""Seals of cache files: a hash next to each, by which rot is found. What does not verify is made again."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

BLOCK = 1 << 24
"""Bytes that are hashed at once, by one of several threads."""
SMALL = 1 << 26
"""Bytes of a file that is verified whenever it is opened: that takes less than a tenth of a second."""
TRUSTED = 24 * 3600.0
"""Seconds for which a larger file that was verified is not verified again."""

_seen: dict[Path, tuple[int, int, int]] = {}
"""What this process has verified: a file is several times opened, and read for this once."""


def seal(file: Path) -> None:
    """Write the hash of *file* next to it; where that cannot be written, there is none."""
    place = _place(file)
    with suppress(OSError):
        part = place.with_name(f"{place.name}.{os.getpid()}-{secrets.token_hex(4)}")
        part.write_text(json.dumps({"sha256": hash_file(file), "size": file.stat().st_size}))
        part.replace(place)


def unseal(file: Path) -> None:
    """Remove the seal of *file*, which is about to be replaced."""
    with suppress(OSError):
        _place(file).unlink(missing_ok=True)


def verifies(file: Path) -> bool:
    """Say whether *file* is what was sealed. One without a seal, as older versions made, is taken as it is and sealed.

    A file of up to `SMALL` bytes is read once by each process. A larger one is read if no process has done so within
    `TRUSTED` seconds: rot that comes later goes unnoticed until then.

    Raises:
        OSError: the file cannot be read.
    """
    status, place = file.stat(), _place(file)
    state = (status.st_ino, status.st_size, status.st_mtime_ns)
    if _seen.get(file) == state:
        return True
    if not place.exists():
        seal(file)
    elif not _verifies(file, place):
        return False
    _seen[file] = state
    return True


def _verifies(file: Path, place: Path) -> bool:
    try:
        kept: dict[str, Any] = json.loads(place.read_bytes())
        expected, size = kept["sha256"], kept["size"]
    except (OSError, ValueError, LookupError, TypeError):
        return False
    if size != file.stat().st_size:
        return False
    if size > SMALL and 0 <= time.time() - place.stat().st_mtime < TRUSTED:
        return True
    if hash_file(file) != expected:
        return False
    with suppress(OSError):
        os.utime(place)  # its time is when that was last done
    return True


def hash_file(file: Path) -> str:
    """Return the SHA-256 of the hashes of the blocks of *file*."""
    size = file.stat().st_size
    descriptor = os.open(file, os.O_RDONLY)
    try:
        with ThreadPoolExecutor() as pool:
            digests = pool.map(
                lambda start: hashlib.sha256(os.pread(descriptor, BLOCK, start)).digest(), range(0, size, BLOCK)
            )
            return hashlib.sha256(b"".join(digests)).hexdigest()
    finally:
        os.close(descriptor)


def check_of(values: object) -> str:
    """Return what stands next to *values*, JSON values, to find rot in them."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def _place(file: Path) -> Path:
    return file.with_name(f"{file.name}.sha256")
