from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from dcbench import MissingDataError, UnreadableDataError
from dcbench_plugins.datasets import digits

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def dataset() -> digits.Digits:
    return digits.Digits(Path(), "", digits.Digits.Settings())


def test_the_split_is_every_fifth_image_of_each_class(dataset: digits.Digits) -> None:
    from sklearn.datasets import load_digits

    source = load_digits()
    seen = [0] * 10
    expected: dict[str, list[tuple[int, list[int]]]] = {"train": [], "test": []}
    for pixels, label in zip(source.data, source.target, strict=True):
        seen[label] += 1
        expected["test" if seen[label] % 5 == 0 else "train"].append((label, [round(v * 255 / 16) for v in pixels]))
    for split in ("train", "test"):
        loaded = dataset.load(split)
        assert loaded.labels.tolist() == [label for label, _ in expected[split]]
        assert loaded.images.flatten(1).tolist() == [pixels for _, pixels in expected[split]]


def test_info_holds_what_the_pixels_say(dataset: digits.Digits) -> None:
    info, train, test = dataset.info(), dataset.load("train"), dataset.load("test")
    assert tuple(train.images.shape) == (1442, *info.shape)
    assert train.images.dtype == torch.uint8
    assert train.labels.dtype == torch.int64
    assert tuple(torch.bincount(train.labels).tolist()) == info.train_counts
    assert tuple(torch.bincount(test.labels).tolist()) == info.test_counts
    pixels = train.images.double() / 255
    assert pixels.mean().item() == pytest.approx(info.mean[0], abs=1e-5)
    assert pixels.std(correction=0).item() == pytest.approx(info.std[0], abs=1e-5)
    assert (info.default_protocol, info.mirror_ok) == ("quick", False)
    assert (info.default_network, info.default_replicates) == ("convnet-tiny", 6)


def test_files_are_those_of_scikit_learn(dataset: digits.Digits) -> None:
    (file,) = dataset.files("train")
    assert file.is_file()
    assert dataset.files("test") == [file]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda whole: b"", "it has 0 bytes"),
        (lambda whole: whole[: len(whole) // 2], r"it is cut short, at [\d,]+ bytes"),
        (lambda whole: gzip.compress(b"1,2,3\n"), "it is not the table of 64 pixels and a label"),
        (lambda whole: b"<html>", "it is a web page, not data"),
        (lambda whole: b"1,2,3", "Not a gzipped file"),
    ],
    ids=["empty", "cut", "another table", "web page", "plain"],
)
def test_a_damaged_file_is_named(
    dataset: digits.Digits,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[bytes], bytes],
    words: str,
) -> None:
    damaged = tmp_path / "digits.csv.gz"
    damaged.write_bytes(spoil(dataset.files("train")[0].read_bytes()))
    monkeypatch.setattr(dataset, "files", lambda split: [damaged])
    with pytest.raises(UnreadableDataError, match=rf"digits\.csv\.gz cannot be used: {words}.*--force-reinstall"):
        dataset.load("train")


def test_without_scikit_learn_the_error_says_what_to_install(
    dataset: digits.Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digits, "find_spec", lambda name: None)
    with pytest.raises(MissingDataError, match="pip install scikit-learn"):
        dataset.files("train")


def test_the_rule_leaves_small_classes_to_training() -> None:
    assert digits.tests(np.array([3, 3, 3, 3, 7, 3])).tolist() == [False] * 5 + [True]
