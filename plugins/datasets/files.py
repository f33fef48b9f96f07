"""Files of datasets: where caches lie, and how what is missing or damaged is named."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from dcbench import MissingDataError, UnreadableDataError

if TYPE_CHECKING:
    from collections.abc import Iterable

HOW_TO_POINT = "set another data folder with --data or the environment variable DCBENCH_DATA"

IMAGES, LABELS = 3, 1
"""Dimensions of the IDX files of MNIST: images (N, 28, 28) and labels (N,)."""

_UINT8 = 8  # how IDX calls the only type of value that these datasets have
_HEAD = 512
_KINDS = {
    b"\x1f\x8b": "it is still packed, with gzip",
    b"PK\x03\x04": "it is a zip archive",
    b"\xfd7zXZ": "it is still packed, with xz",
    b"BZh": "it is still packed, with bzip2",
    b"version https://git-lfs": "it is a pointer of Git LFS, not the file itself",
    b"\x89HDF": "it is an HDF5 file",
    b"\x89PNG": "it is a PNG image",
    b"\xff\xd8\xff": "it is a JPEG image",
}
"""First bytes of what is found in the place of a data file."""


def missing(dataset: str, files: Iterable[str], folder: Path, cause: BaseException | None = None) -> MissingDataError:
    """Return the error for *files* that belong in *folder* and are not there; *cause* is why they were not fetched."""
    why = f", and fetching them failed ({reason(cause)})" if cause else ""
    text = f"{dataset}: looked in {folder} for {', '.join(files)}{why}; put them there, or {HOW_TO_POINT}"
    return MissingDataError(text)


def unreadable(dataset: str, file: Path, why: BaseException | str) -> UnreadableDataError:
    """Return the error for a damaged *file*."""
    return UnreadableDataError(f"{dataset}: {file} cannot be used: {why if isinstance(why, str) else reason(why)}")


def reason(error: BaseException) -> str:
    """Return the last line of the text of *error*, or its kind if it has none: what fits into one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def other_kind(file: Path) -> str:
    """Say what *file* is where its first bytes show that it is not a data file; nothing where they do not."""
    with file.open("rb") as opened:
        head = opened.read(_HEAD)
    if not head:
        return "it has 0 bytes"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "it is a web page, not data"
    if not any(head):
        return f"it begins with {len(head)} zeros"
    return next((words for start, words in _KINDS.items() if head.startswith(start)), "")


def idx_damage(file: Path, dimensions: int) -> str:
    """Say what is wrong with *file* as an IDX file of bytes in *dimensions*; nothing where it is whole.

    Source of the format: http://yann.lecun.com/exdb/mnist/: two zeros, type, number of dimensions, each size as four
    bytes, values.
    """
    if kind := other_kind(file):
        return kind
    size, header = file.stat().st_size, 4 + 4 * dimensions
    with file.open("rb") as opened:
        head = opened.read(header)
    wanted = bytes((0, 0, _UINT8, dimensions))
    if head[:4] != wanted[: len(head)]:
        return _no_idx(head[:4], dimensions)
    if len(head) < header:
        return f"it is cut short: {size} of at least {header} bytes"
    sizes = [int.from_bytes(head[at : at + 4], "big") for at in range(4, header, 4)]
    whole = header + math.prod(sizes)
    if size < whole:
        return f"it is cut short: {size:,} of {whole:,} bytes"
    return f"it has {size:,} bytes, and its header says {whole:,}" if size > whole else ""


def _no_idx(magic: bytes, dimensions: int) -> str:
    held = {IMAGES: "images", LABELS: "labels"}
    for other, what in held.items():
        if magic == bytes((0, 0, _UINT8, other)):
            return f"it holds {what}; {held[dimensions]} belong here"
    return f"it is not an IDX file: it begins with the bytes {magic.hex(' ')}, not 00 00 08 {dimensions:02x}"
