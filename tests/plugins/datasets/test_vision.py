from __future__ import annotations

import gzip
import os
import pickle
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from oracles.image_folder import read_idx
from support.made_vision import (
    LABELS,
    NAMES,
    SMALL,
    of,
    pixels,
    write_idx,
    write_mnist,
    write_svhn,
)

from dcbench import Dataset, MissingDataError, UnreadableDataError

if TYPE_CHECKING:
    from collections.abc import Callable


pytestmark = pytest.mark.usefixtures("small")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("split", ["train", "test"])
def test_images_and_labels_are_those_of_the_files(name: str, split: Any, write: Callable[[str], Dataset]) -> None:
    dataset = write(name)
    loaded = dataset.load(split)
    assert loaded.images.dtype == torch.uint8
    assert loaded.images.is_contiguous()
    flat = (3 * 32 * 32,) if name.startswith("cifar") else dataset.info().shape if name == "svhn" else (28, 28)
    expected = pixels(split, flat).reshape(SMALL[split], *dataset.info().shape)
    np.testing.assert_array_equal(loaded.images.numpy(), expected)
    assert loaded.labels.dtype == torch.int64
    assert loaded.labels.tolist() == LABELS[split]
    assert loaded.classes == dataset.info().classes


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("split", "other"), [("train", "test"), ("test", "train")])
def test_one_split_loads_without_the_files_of_the_other(
    name: str, split: Any, other: Any, write: Callable[[str], Dataset], no_network: list[str]
) -> None:
    dataset = write(name)
    for file in set(dataset.files(other)) - set(dataset.files(split)):
        file.unlink()
    assert len(dataset.load(split)) == SMALL[split]
    assert no_network == []


@pytest.mark.parametrize("name", NAMES)
def test_one_split_never_opens_the_files_of_the_other(name: str, write: Callable[[str], Dataset]) -> None:
    dataset = write(name)
    other = {str(file) for file in set(dataset.files("test")) - set(dataset.files("train"))}
    opened: set[str] = set()
    watching = True
    sys.addaudithook(lambda event, args: opened.add(str(args[0])) if watching and event == "open" else None)
    dataset.load("train")
    watching = False
    assert {str(file) for file in dataset.files("train")} <= opened
    assert not other & opened


@pytest.mark.parametrize("name", NAMES)
def test_a_truncated_file_is_named(name: str, write: Callable[[str], Dataset]) -> None:
    dataset = write(name)
    for file in dataset.files("train"):
        whole = file.read_bytes()
        file.write_bytes(whole[:-3])
        with pytest.raises(UnreadableDataError, match=f"{file.name} cannot be used: .*delete it") as caught:
            dataset.load("train")
        assert "\n" not in str(caught.value)
        file.write_bytes(b"")
        with pytest.raises(UnreadableDataError, match=file.name):
            dataset.load("train")
        file.write_bytes(whole)


class Alarm:
    """Makes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_a_pickle_that_is_not_the_official_one_is_never_opened(
    name: str, write: Callable[[str], Dataset], tmp_path: Path
) -> None:
    dataset = write(name)
    for split in ("train", "test"):
        for file in dataset.files(split):  # type: ignore[arg-type]
            whole = file.read_bytes()
            file.write_bytes(pickle.dumps(Alarm(tmp_path / "opened")))
            with pytest.raises(UnreadableDataError, match=rf"{file.name} cannot be used: its checksum is not that of"):
                dataset.load(split)  # type: ignore[arg-type]
            file.write_bytes(whole)
    assert not (tmp_path / "opened").exists()


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
@pytest.mark.parametrize(("content", "words"), [(b"", "it has 0 bytes"), (b"<html>", "it is a web page, not data")])
def test_what_lies_in_the_place_of_a_pickle_is_told(
    name: str, content: bytes, words: str, write: Callable[[str], Dataset]
) -> None:
    dataset = write(name)
    for file in dataset.files("test"):
        whole = file.read_bytes()
        file.write_bytes(content)
        with pytest.raises(UnreadableDataError, match=f"{file.name} cannot be used: {words}; delete it"):
            dataset.load("test")
        file.write_bytes(whole)


def test_files_that_only_have_to_be_unpacked_are_named(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    labels = tmp_path / "MNIST/raw/train-labels-idx1-ubyte"
    labels.with_name(f"{labels.name}.gz").write_bytes(gzip.compress(labels.read_bytes()))
    labels.unlink()
    with pytest.raises(MissingDataError, match=rf"mnist: .*{labels.name}\.gz is still packed; unpack it with gunzip$"):
        of("mnist", tmp_path).load("train")


def test_the_layout_of_old_torchvision_is_not_taken_for_the_files(tmp_path: Path) -> None:
    for name in ("training.pt", "test.pt"):
        (tmp_path / "MNIST/processed").mkdir(parents=True, exist_ok=True)
        torch.save((torch.zeros(1, 28, 28), torch.zeros(1)), tmp_path / "MNIST/processed" / name)
    with pytest.raises(MissingDataError, match="train-images-idx3-ubyte"):
        of("mnist", tmp_path).files("train")


def test_svhn_may_lie_beside_the_other_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_svhn(tmp_path, monkeypatch)
    assert of("svhn", tmp_path).load("test").labels.tolist() == LABELS["test"]


def test_a_file_of_another_length_is_refused(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    write_idx(tmp_path / "MNIST/raw/train-images-idx3-ubyte", pixels("train", (28, 28))[:5])
    with pytest.raises(UnreadableDataError, match=r"train-images-idx3-ubyte .*\(5, 1, 28, 28\).*\(6, 1, 28, 28\)"):
        of("mnist", tmp_path).load("train")


def test_labels_out_of_range_are_refused(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    write_idx(tmp_path / "MNIST/raw/train-labels-idx1-ubyte", np.array([0, 1, 2, 3, 4, 10]))
    with pytest.raises(UnreadableDataError, match=r"0\.\.9"):
        of("mnist", tmp_path).load("train")


@pytest.mark.real_data
@pytest.mark.parametrize(("name", "folder"), [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST")])
def test_the_real_files_are_as_described(name: str, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(os.environ.get("DCBENCH_TEST_DATA", "/nowhere"))
    if not (root / folder).is_dir():
        pytest.skip(f"no {folder} in DCBENCH_TEST_DATA")
    monkeypatch.undo()
    dataset = of(name, root)
    info, train, test = dataset.info(), dataset.load("train"), dataset.load("test")
    assert tuple(torch.bincount(train.labels).tolist()) == info.train_counts
    assert tuple(torch.bincount(test.labels).tolist()) == info.test_counts
    pixels = train.images.float() / 255
    assert pixels.mean().item() == pytest.approx(info.mean[0], abs=2e-4)
    assert pixels.std().item() == pytest.approx(info.std[0], abs=2e-4)
    np.testing.assert_array_equal(test.images[:, 0].numpy(), read_idx(root / folder / "raw/t10k-images-idx3-ubyte"))
    assert test.labels.tolist() == read_idx(root / folder / "raw/t10k-labels-idx1-ubyte").tolist()


def test_a_dataset_is_there_when_the_files_of_both_splits_are(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    assert of("mnist", tmp_path).present()
    (tmp_path / "MNIST" / "raw" / "t10k-labels-idx1-ubyte").unlink()
    assert not of("mnist", tmp_path).present()
