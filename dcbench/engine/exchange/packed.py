"""Zip archives, which .npz and .pt files are: looked through before anything of them is unpacked."""

from __future__ import annotations

import math
from pathlib import Path
from typing import IO
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np

from dcbench.engine.store.guards import Unpacked


def check_stored(source: Path | IO[bytes], size: int) -> None:
    """Refuse an archive of *size* bytes whose parts are not there as they are, as torch writes them.

    Every part is read once, and its checksum looked at: a file that is mapped into memory is not checked later.

    Raises:
        ValueError: a part is packed, damaged, or there twice.
    """
    with ZipFile(source) as archive:
        parts = archive.infolist()
        if any(part.compress_type != ZIP_STORED or part.compress_size != part.file_size for part in parts):
            raise ValueError("its parts are packed, as torch.save never does; load and save it again")
        if sum(part.file_size for part in parts) > size:
            raise ValueError("its parts are longer than the file")
        damaged = archive.testzip()
    if damaged is not None:
        raise ValueError(f"its part {damaged!r} fails its checksum")


def check_arrays(path: Path) -> None:
    """Refuse a numpy archive that unpacks to far more than the file holds, or has an array that is not all there.

    Raises:
        ValueError: it does; the text names the array.
    """
    unpacked = Unpacked(path.stat().st_size)
    with ZipFile(path) as archive:
        for part in archive.infolist():
            unpacked.add(part.file_size, repr(part.filename))
        for part in archive.infolist():
            _check_array(archive, part)


def _check_array(archive: ZipFile, part: ZipInfo) -> None:
    with archive.open(part) as content:
        if content.read(len(np.lib.format.MAGIC_PREFIX)) != np.lib.format.MAGIC_PREFIX:
            return  # no array: numpy gives its bytes
        major = content.read(2)[:1]
        read = np.lib.format.read_array_header_1_0 if major == b"\x01" else np.lib.format.read_array_header_2_0
        shape, _, kind = read(content)
    if math.prod(shape) * kind.itemsize > part.file_size:
        raise ValueError(f"{part.filename!r} has shape {shape}, and fewer numbers than that")
