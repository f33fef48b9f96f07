"""``dcbench doctor`` looks into the files of datasets."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from command_line import CommandLine

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
    assert line.startswith("other data: 60,000 + 10,000 images, 1 x 28 x 28, 10 classes")
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
    assert "mnist (other data) ipc 1 random seed 0: condense" in ended.out
