from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from fakes import info_of, made_up_set

from dcbench import Dataset, ImageSet, Settings
from dcbench.engine.data.fingerprints import fingerprint, hash_images


class Stored(Dataset):
    """A dataset in one file, whose text is its seed; counts how often it is loaded."""

    class Settings(Settings):
        invert: bool = False

    loads = 0

    def info(self):
        return info_of(self.load("train"))

    def files(self, split):
        return [self.root / f"{split}.txt"]

    def load(self, split):
        self.loads += 1
        images = made_up_set(seed=int((self.root / f"{split}.txt").read_text()))
        if self.settings.invert or self.argument == "inverted":
            return ImageSet(255 - images.images, images.labels, images.classes)
        return images


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DCBENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "train.txt").write_text("1")
    (tmp_path / "test.txt").write_text("2")
    return tmp_path


def stored(root: Path, argument: str = "", **settings: bool) -> Stored:
    return Stored(root, argument, Stored.Settings(**settings))


def test_the_hash_is_that_of_the_images() -> None:
    images = made_up_set()
    other = images.images.clone()
    other[-1, 0, -1, -1] ^= 1
    labels = images.labels.clone()
    labels[-1] = (labels[-1] + 1) % 3
    hashes = [
        hash_images(images),
        hash_images(ImageSet(other, images.labels, 3)),
        hash_images(ImageSet(images.images, labels, 3)),
        hash_images(ImageSet(images.images, images.labels, 4)),
        hash_images(ImageSet(images.images.reshape(-1, 1, 4, 16), images.labels, 3)),
    ]
    assert len(set(hashes)) == 5
    assert hash_images(made_up_set()) == hashes[0]


def test_the_hash_does_not_depend_on_how_images_lie_in_memory() -> None:
    images = made_up_set(channels=3)
    strided = ImageSet(images.images.contiguous(memory_format=torch.channels_last), images.labels, 3)
    assert hash_images(strided) == hash_images(images)


def test_a_split_is_hashed_once(root: Path) -> None:
    first, second = stored(root), stored(root)
    assert fingerprint(first, "train") == fingerprint(second, "train")
    assert (first.loads, second.loads) == (1, 0)


def test_each_split_has_its_own(root: Path) -> None:
    dataset = stored(root)
    assert fingerprint(dataset, "train") == hash_images(made_up_set(seed=1))
    assert fingerprint(dataset, "test") == hash_images(made_up_set(seed=2))


def test_a_changed_file_is_hashed_again(root: Path) -> None:
    before = fingerprint(stored(root), "train")
    (root / "train.txt").write_text("3")
    os.utime(root / "train.txt", ns=(0, 1))  # clocks may be too coarse to tell two writes apart
    assert fingerprint(stored(root), "train") != before


def test_a_file_that_was_only_touched_keeps_its_fingerprint(root: Path) -> None:
    before = fingerprint(stored(root), "train")
    os.utime(root / "train.txt", ns=(0, 1))
    dataset = stored(root)
    assert fingerprint(dataset, "train") == before
    assert dataset.loads == 1


def test_settings_and_argument_are_told_apart(root: Path) -> None:
    plain = fingerprint(stored(root), "train")
    inverted = fingerprint(stored(root, invert=True), "train")
    assert plain != inverted
    assert fingerprint(stored(root, "inverted"), "train") == inverted


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b"[]", b"3"], ids=repr)
def test_a_damaged_cache_is_filled_again(root: Path, damage: bytes) -> None:
    before = fingerprint(stored(root), "train")
    (root / "cache" / "fingerprints.json").write_bytes(damage)
    dataset = stored(root)
    assert [fingerprint(dataset, "train") for _ in range(2)] == [before, before]
    assert dataset.loads == 1
