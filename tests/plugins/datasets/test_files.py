from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dcbench import UnreadableDataError
from dcbench_plugins.datasets.files import IMAGES, LABELS, idx_damage, other_kind
from dcbench_plugins.datasets.vision import MNIST, SVHN

if TYPE_CHECKING:
    from collections.abc import Callable

WHOLE = struct.pack(">BBBBIII", 0, 0, 8, 3, 2, 3, 3) + bytes(range(18))
LABEL_FILE = struct.pack(">BBBBI", 0, 0, 8, 1, 2) + b"\1\2"
PACKED = gzip.compress(
    WHOLE, mtime=0
)  # without the time, which would be part of a test's name and differ between processes


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (WHOLE, ""),
        (b"", "it has 0 bytes"),
        (WHOLE[:3], "it is cut short: 3 of at least 16 bytes"),
        (WHOLE[:-5], "it is cut short: 29 of 34 bytes"),
        (WHOLE + b"more", "it has 38 bytes, and its header says 34"),
        (LABEL_FILE, "it holds labels; images belong here"),
        (b"hello, world, and more", "it is not an IDX file: it begins with the bytes 68 65 6c 6c, not 00 00 08 03"),
        (b"\0\0\x0d\3" + WHOLE[4:], "it is not an IDX file: it begins with the bytes 00 00 0d 03, not 00 00 08 03"),
        (PACKED, "it is still packed, with gzip"),
        (b"\n <!DOCTYPE html><html>403", "it is a web page, not data"),
        (bytes(4096), "it begins with 512 zeros"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "it is a pointer of Git LFS, not the file itself"),
    ],
)
def test_an_idx_file_is_whole_or_what_is_wrong_is_said(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "file").write_bytes(content)
    assert idx_damage(tmp_path / "file", IMAGES) == words


def test_images_in_the_place_of_labels_are_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(WHOLE)
    assert idx_damage(tmp_path / "file", LABELS) == "it holds images; labels belong here"
    (tmp_path / "file").write_bytes(LABEL_FILE)
    assert idx_damage(tmp_path / "file", LABELS) == ""


def test_sizes_that_no_file_could_hold_are_read_without_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\0\0\x08\3" + b"\xff" * 12 + b"x" * 40)
    assert idx_damage(tmp_path / "file", IMAGES).startswith("it is cut short: 56 of 79,228,")


def test_the_kind_of_an_ordinary_file_is_not_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\x80\x02}q\0")
    assert other_kind(tmp_path / "file") == ""


PLACES = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda whole: b"", "it has 0 bytes; delete it"),
        (lambda whole: whole[:-1], r"it is cut short: \d+ of \d+ bytes; delete it"),
        (lambda whole: b"<html>not found</html>", "it is a web page, not data; delete it"),
        (gzip.compress, "it is still packed, with gzip; delete it"),
        (lambda whole: b"\1" + whole[1:], "it is not an IDX file: .*; delete it"),
    ],
    ids=["empty", "cut", "web page", "packed", "magic"],
)
def test_of_four_files_the_one_at_fault_is_named(
    tmp_path: Path, place: str, spoil: Callable[[bytes], bytes], words: str
) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in PLACES:
        (raw / name).write_bytes(WHOLE if "images" in name else LABEL_FILE)
    (raw / place).write_bytes(spoil((raw / place).read_bytes()))
    with pytest.raises(UnreadableDataError, match=f"mnist: .*{place} cannot be used: {words}"):
        MNIST(tmp_path, "", MNIST.Settings()).load("train" if place.startswith("train") else "test")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it has 0 bytes; delete it"),
        (b"<!DOCTYPE html>", "it is a web page, not data; delete it"),
        (b"MATLAB 5.0", "its checksum is not that of the official file; delete it"),
    ],
)
def test_a_file_of_svhn_that_is_no_file_of_svhn_says_what_it_is(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "train_32x32.mat").write_bytes(content)
    with pytest.raises(UnreadableDataError, match=f"train_32x32.mat cannot be used: {words}"):
        SVHN(tmp_path, "", SVHN.Settings()).load("train")
