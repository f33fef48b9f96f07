"""``dcbench doctor`` looks into the files of datasets."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

if TYPE_CHECKING:
    from support.command_line import CommandLine

IMAGES, LABELS = b"\0\0\x08\3", b"\0\0\x08\1"


@pytest.fixture
def blank(tmp_path: Path) -> Path:
    """A data folder with files of MNIST that fit each other, all black."""
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for prefix, count in (("train", 60_000), ("t10k", 10_000)):
        images, labels = raw / f"{prefix}-images-idx3-ubyte", raw / f"{prefix}-labels-idx1-ubyte"
        images.write_bytes(IMAGES + struct.pack(">III", count, 28, 28) + bytes(count * 28 * 28))
        labels.write_bytes(LABELS + struct.pack(">I", count) + bytes(number % 10 for number in range(count)))
    return tmp_path / "data"


def line_of(dcbench: CommandLine, data: Path, name: str) -> str:
    ended = dcbench("doctor", "--data", data, cwd=data.parent, DCBENCH_CACHE=str(data.parent / "cache"))
    assert (ended.code, ended.err) == (0, "")
    (line,) = [line for line in ended.out.splitlines() if line.split()[:1] == [name]]
    return line.split(maxsplit=1)[1]


def test_other_data_is_not_found_under_the_name_of_a_standard_dataset(dcbench: CommandLine, blank: Path) -> None:
    line = line_of(dcbench, blank, "mnist")
    assert line.startswith("other data: 60,000 + 10,000 images, 1 x 28 x 28, 10 classes, 6,000 + 1,000 a class; ")
    assert line.endswith(f"; all 4 files in {blank / 'MNIST/raw'} are not of the standard data")


def test_a_damaged_file_is_not_found_but_named(dcbench: CommandLine, blank: Path) -> None:
    file = blank / "MNIST/raw/t10k-labels-idx1-ubyte"
    file.write_bytes(b"")
    assert line_of(dcbench, blank, "mnist").startswith(f"not usable: mnist: {file} cannot be used: it has 0 bytes")


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("cifar10", [f"cifar-10-batches-py/data_batch_{number}" for number in range(1, 6)]),
        ("svhn", ["svhn/train_32x32.mat", "svhn/test_32x32.mat"]),
    ],
)
def test_files_that_are_not_the_official_ones_are_not_found_either(
    dcbench: CommandLine, tmp_path: Path, name: str, files: list[str]
) -> None:
    data = tmp_path / "data"
    more = ["cifar-10-batches-py/test_batch", "cifar-10-batches-py/batches.meta"] if name == "cifar10" else []
    for file in (*files, *more):
        (data / file).parent.mkdir(parents=True, exist_ok=True)
        (data / file).write_bytes(b"\x80\x02something")
    line = line_of(dcbench, data, name)
    assert line.startswith(f"not usable: {name}: {data / files[0]} cannot be used: its checksum is not that of")


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """An image folder with a text in it."""
    for split, label, count in (("train", "ant", 3), ("train", "bee", 2), ("test", "ant", 1), ("test", "bee", 1)):
        (tmp_path / "pets" / split / label).mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", (8, 8), (number, 20, 30)).save(tmp_path / "pets" / split / label / f"{number}.gif")
    (tmp_path / "pets/train/ant/notes.txt").write_text("ants")
    return tmp_path / "pets"


def test_one_dataset_can_be_looked_at_closely(dcbench: CommandLine, pets: Path) -> None:
    cache = {"DCBENCH_CACHE": str(pets.parent / "cache")}
    ended = dcbench("doctor", "folder:pets", "digits", cwd=pets.parent, **cache)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        "folder:pets",
        "  data      found: 5 + 2 images, 3 x 8 x 8, 2 classes, 2 to 3 + 1 a class",
        "  training  5 images (ant: 3, bee: 2)",
        "  test      2 images, 1 of each class",
        "  remark    1 file left out, as no images of a class: train/ant/notes.txt",
        "digits",
        "  data      found: 1,442 + 355 images, 1 x 8 x 8, 10 classes, 140 to 147 + 34 to 36 a class",
        "  training  1,442 images (0: 143, 1: 146, 2: 142, 3: 147, 4: 145, 5: 146, 6: 145, 7: 144, 8: 140, 9: 144)",
        "  test      355 images (0: 35, 1: 36, 2: 35, 3: 36, 4: 36, 5: 36, 6: 36, 7: 35, 8: 34, 9: 36)",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("folder:nowhere", "folder:nowhere: no such folder; looked for"),
        ("folder:pets[sise=3]", "folder has no setting 'sise'; did you mean 'size'?"),
        ("pets", "no dataset is called 'pets'"),
        ("folder", "folder: a path belongs behind the colon"),
    ],
)
def test_a_dataset_that_cannot_be_looked_at_is_one_line(
    dcbench: CommandLine, pets: Path, text: str, words: str
) -> None:
    ended = dcbench("doctor", text, cwd=pets.parent, DCBENCH_CACHE=str(pets.parent / "cache"))
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"dcbench: {words}")
    assert ended.err.count("\n") == 1


def test_a_plan_counts_and_says_what_is_left_out(dcbench: CommandLine, pets: Path) -> None:
    run = ("run", "--datasets", "folder:pets", "--methods", "random", "--ipc", "1", "--dry-run")
    cache = {"DCBENCH_CACHE": str(pets.parent / "cache")}
    ended = dcbench(*run, cwd=pets.parent, **cache)
    assert ended.err == "warning: pets: 1 file left out, as no images of a class: train/ant/notes.txt\n"
    assert ended.out.splitlines()[0] == "pets: training 5 images (ant: 3, bee: 2); test 2 images, 1 of each class"
    held_out = dcbench(*run, "--split", "validation", cwd=pets.parent, **cache)
    assert held_out.out.startswith("pets: training 3 images (ant: 2, bee: 1); validation 2 images, 1 of each class\n")


def test_a_plan_says_that_its_data_is_another_one(dcbench: CommandLine, blank: Path) -> None:
    ended = dcbench(
        *("run", "--datasets", "mnist", "--methods", "random", "--ipc", "1", "--dry-run", "--data", blank),
        cwd=blank.parent,
        DCBENCH_CACHE=str(blank.parent / "cache"),
    )
    assert ended.code == 0
    assert ended.err == (
        f"warning: mnist (other data): all 4 files in {blank / 'MNIST/raw'} are not of the standard data; "
        "no published number is shown next to it\n"
    )
    assert ended.out.splitlines()[:2] == [
        "mnist (other data): training 60,000 images, 6,000 of each class; test 10,000 images, 1,000 of each class",
        "mnist (other data) ipc 1 random replicate 0: condense",
    ]
    closely = dcbench("doctor", "mnist", "--data", blank, cwd=blank.parent, DCBENCH_CACHE=str(blank.parent / "cache"))
    assert closely.out.splitlines()[2] == "  training  60,000 images, 6,000 of each class"
