from __future__ import annotations

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


def test_the_file_comes_with_dcbench_and_is_small(dataset: digits.Digits) -> None:
    (file,) = dataset.files("train")
    assert file.stat().st_size < 50_000
    assert dataset.files("test") == [file]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda whole: b"", "it has 0 bytes"),
        (lambda whole: whole[: len(whole) // 2], "it is cut short or changed"),
        (lambda whole: whole[:20_000] + bytes([whole[20_000] ^ 1]) + whole[20_001:], "it is cut short or changed"),
        (lambda whole: b"<html>", "it is a web page, not data"),
    ],
    ids=["empty", "cut", "one bit", "web page"],
)
def test_a_damaged_file_is_named(
    dataset: digits.Digits,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[bytes], bytes],
    words: str,
) -> None:
    damaged = tmp_path / "digits.npz"
    damaged.write_bytes(spoil(digits.FILE.read_bytes()))
    monkeypatch.setattr(digits, "FILE", damaged)
    with pytest.raises(UnreadableDataError, match=rf"digits\.npz cannot be used: {words}.*; install dcbench again$"):
        dataset.load("train")


def test_a_missing_file_is_named(dataset: digits.Digits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits, "FILE", tmp_path / "digits.npz")
    with pytest.raises(MissingDataError, match=r"^digits: looked in .* for digits\.npz; put them there"):
        dataset.files("train")


def test_the_rule_leaves_small_classes_to_training() -> None:
    assert digits.tests(np.array([3, 3, 3, 3, 7, 3])).tolist() == [False] * 5 + [True]
