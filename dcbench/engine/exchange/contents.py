"""What a file is by its content: its first bytes, and the parts of zip archives such as .npz and .pt."""

from __future__ import annotations

import math
import string
from pathlib import Path
from typing import IO
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import numpy as np

from dcbench.engine.store.guards import Unpacked

ZIP = b"PK\x03\x04"

_AGAIN = "download it again"
_STARTS = {
    b"version https://git-lfs": "a pointer of git-LFS, not the file itself: run 'git lfs pull' in its repository",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file: end its name in .h5",
    b"\x93NUMPY": "a single numpy array: save images and labels together, numpy.savez(FILE, images=..., labels=...)",
    b"\x1f\x8b": "packed with gzip: unpack it first",
    b"BZh": "packed with bzip2: unpack it first",
    b"\xfd7zXZ": "packed with xz: unpack it first",
    b"7z\xbc\xaf": "a 7-Zip archive: unpack it first",
    b"Rar!": "a RAR archive: unpack it first",
    b"\x89PNG": "a picture: import the folder that holds a folder of pictures for each class",
    b"\xff\xd8\xff": "a picture: import the folder that holds a folder of pictures for each class",
    b"MATLAB": "a MATLAB file: save images and labels with torch.save or numpy.savez",
}
_WEB = (b"<!doctype html", b"<html", b"<head", b"<?xml")
_HEAD = 1024
_PRINTABLE = frozenset(string.printable.encode())


def what_is(path: Path) -> str:
    """Return what the file at *path* is and what to do, in words; empty where its first bytes do not show it."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        return error.strerror or type(error).__name__
    if head.startswith(ZIP):
        return _what_zip(path)
    return next((text for start, text in _STARTS.items() if head.startswith(start)), "") or _what_else(head)


def _what_else(head: bytes) -> str:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    tests = {
        f"empty, 0 bytes: {_AGAIN}": not head,
        "a tar archive: unpack it first": head[257:262] == b"ustar",
        f"a web page, as a download leaves that failed: {_AGAIN}": start.startswith(_WEB),
        "a safetensors file: end its name in .safetensors": head[8:9] == b"{" and b'"dtype"' in head,
        "a text": set(head) <= _PRINTABLE,
    }
    return next((text for text, found in tests.items() if found), "")


def _what_zip(path: Path) -> str:
    try:
        with ZipFile(path) as archive:
            names = archive.namelist()
    except (BadZipFile, OSError, ValueError):
        return f"a zip archive that is cut short or damaged: {_AGAIN}"
    if any(name.endswith("/data.pkl") for name in names):
        return "a file of torch: end its name in .pt"
    if names and all(name.endswith(".npy") for name in names):
        return "a numpy archive: end its name in .npz"
    return "a zip archive, but no file of torch: unpack it first, and import what is inside"


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
