from __future__ import annotations

import os
from pathlib import Path

import pytest

from dcbench import DatasetRecord
from dcbench.engine.data.fingerprints import fingerprint
from dcbench.engine.data.standard import other_data
from dcbench.engine.registry import load_registry
from dcbench_plugins.datasets.digits import Digits
from dcbench_plugins.datasets.standard import FINGERPRINTS, MD5
from dcbench_plugins.datasets.vision import MNIST, FashionMNIST


def record_of(name: str) -> DatasetRecord:
    found: DatasetRecord = load_registry().find("datasets", name).record
    return found


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """Link the real files of both sets into a data folder."""
    source = Path(os.environ.get("DCBENCH_TEST_DATA", "/nowhere"))
    for folder in ("MNIST", "FashionMNIST"):
        if not (source / folder / "raw").is_dir():
            pytest.skip(f"no {folder} in DCBENCH_TEST_DATA")
        link(tmp_path, source, folder, folder, list(MD5["mnist"]))
    return tmp_path


def link(root: Path, source: Path, origin: str, folder: str, names: list[str]) -> None:
    raw = root / folder / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for name in names:
        (raw / name).unlink(missing_ok=True)
        (raw / name).symlink_to((source / origin / "raw" / name).resolve())


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_the_record_has_the_fingerprints(name: str) -> None:
    assert record_of(name).fingerprints == FINGERPRINTS[name]
    assert set(FINGERPRINTS[name]) == {"train", "test"}


def test_the_digits_that_come_with_dcbench_are_the_standard_ones() -> None:
    digits = Digits(Path(), "", Digits.Settings())
    assert {split: fingerprint(digits, split) for split in ("train", "test")} == FINGERPRINTS["digits"]
    assert other_data(record_of("digits"), digits) == ""


@pytest.mark.real_data
@pytest.mark.parametrize("kind", [MNIST, FashionMNIST])
def test_the_real_files_are_the_standard_ones(real: Path, kind: type[MNIST]) -> None:
    dataset = kind(real, "", kind.Settings())
    dataset.check()
    assert {split: fingerprint(dataset, split) for split in ("train", "test")} == FINGERPRINTS[kind.name]
    assert other_data(record_of(kind.name), dataset) == dataset.differs() == ""


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("names", "words"),
    [
        (list(MD5["mnist"]), "all 4 files in {raw} are of fashion-mnist"),
        (["train-labels-idx1-ubyte"], "train-labels-idx1-ubyte in {raw} is of fashion-mnist"),
        (["t10k-images-idx3-ubyte"], "t10k-images-idx3-ubyte in {raw} is of fashion-mnist"),
        (
            ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"],
            "t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte in {raw} are of fashion-mnist",
        ),
    ],
    ids=["all", "labels", "images", "a split"],
)
def test_files_of_fashion_mnist_are_not_mnist(real: Path, names: list[str], words: str) -> None:
    link(real, real, "FashionMNIST", "MNIST", names)
    mnist = MNIST(real, "", MNIST.Settings())
    assert other_data(record_of("mnist"), mnist) == words.format(raw=real / "MNIST" / "raw")


@pytest.mark.real_data
def test_one_changed_pixel_is_other_data(real: Path) -> None:
    file = real / "MNIST/raw/t10k-images-idx3-ubyte"
    content = bytearray(file.read_bytes())
    content[-400] ^= 1
    file.unlink()
    file.write_bytes(content)
    mnist = MNIST(real, "", MNIST.Settings())
    assert other_data(record_of("mnist"), mnist) == f"{file.name} in {file.parent} is not of the standard data"
