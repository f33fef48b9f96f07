"""What a file is that is not what its name says: told by its first bytes, with what to do."""

from __future__ import annotations

import string
from pathlib import Path
from zipfile import BadZipFile, ZipFile

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
    """Return what the file at *path* is and what to do, in words; empty where its first bytes do not say."""
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
