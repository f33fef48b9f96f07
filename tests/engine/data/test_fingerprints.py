from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from support.fakes import info_of, made_up_set

from dcbench import Dataset, ImageSet, Settings
from dcbench.api.folders import cache_folder
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


def test_a_cache_below_the_home_folder_is_the_one_that_the_datasets_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCBENCH_CACHE", "~/somewhere")
    assert cache_folder() == Path.home() / "somewhere"


def test_a_cache_that_cannot_be_written_is_done_without(root: Path) -> None:
    (root / "cache").write_text("a file where a folder belongs")
    dataset = stored(root)
    assert fingerprint(dataset, "train") == fingerprint(dataset, "train") == hash_images(dataset.load("train"))
    assert dataset.loads == 3


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


PLUG_IN = """
import sys
from plugged.decoding import VALUE

class Decoded(sys.modules["stored"].Stored):
    def load(self, split):
        images = super().load(split)
        images.images[0, 0, 0, 0] = VALUE
        return images
"""


@pytest.fixture
def decoded(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Stored]]:
    """Make the dataset of a plug-in whose code says in one module how the pixels of another are decoded."""
    monkeypatch.syspath_prepend(str(root))
    monkeypatch.setitem(sys.modules, "stored", sys.modules[__name__])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # it would be taken for that of a source written at once
    (root / "plugged").mkdir()
    (root / "plugged" / "data.py").write_text(PLUG_IN)

    def imported(decoding: str) -> Stored:
        (root / "plugged" / "decoding.py").write_text(decoding)
        forget()
        return importlib.import_module("plugged.data").Decoded(root, "", Stored.Settings())

    def forget() -> None:
        importlib.invalidate_caches()
        for name in [name for name in sys.modules if name.partition(".")[0] == "plugged"]:
            del sys.modules[name]

    yield imported
    forget()


def test_a_plug_in_that_decodes_otherwise_is_hashed_again(root: Path, decoded: Callable[[str], Stored]) -> None:
    before = fingerprint(decoded("VALUE = 1"), "train")
    same = decoded("VALUE = 1")
    assert fingerprint(same, "train") == before
    assert fingerprint(decoded("VALUE = 200"), "train") != before


def test_the_code_of_a_base_class_counts_too(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    class Derived(Stored):
        __module__ = "of_no_file"

    first, second = (Derived(root, "", Stored.Settings()) for _ in range(2))
    monkeypatch.setattr(sys.modules[__name__], "__file__", str(root / "train.txt"))
    fingerprint(first, "train")
    monkeypatch.setattr(sys.modules[__name__], "__file__", str(root / "test.txt"))
    fingerprint(second, "train")
    assert (first.loads, second.loads) == (1, 1)


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b"[]", b"3"], ids=repr)
def test_a_damaged_cache_is_filled_again(root: Path, damage: bytes) -> None:
    before = fingerprint(stored(root), "train")
    (root / "cache" / "fingerprints.json").write_bytes(damage)
    dataset = stored(root)
    assert [fingerprint(dataset, "train") for _ in range(2)] == [before, before]
    assert dataset.loads == 1


def test_whichever_bit_of_the_cache_flips_the_fingerprint_stays_right(root: Path) -> None:
    path = root / "cache" / "fingerprints.json"
    before = [fingerprint(stored(root), split) for split in ("train", "test")]
    kept = path.read_bytes()
    for place in range(0, len(kept), 23):
        damaged = bytearray(kept)
        damaged[place] ^= 1 << place % 7
        path.write_bytes(damaged)
        assert [fingerprint(stored(root), split) for split in ("train", "test")] == before, place


def test_a_fingerprint_that_has_rotted_is_warned_about(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = root / "cache" / "fingerprints.json"
    before = fingerprint(stored(root), "train")
    path.write_text(path.read_text().replace(before, before[::-1]))
    assert fingerprint(stored(root), "train") == before
    assert caplog.messages == [f"{path} is damaged; the fingerprint of a dataset is computed again"]
    caplog.clear()
    assert fingerprint(stored(root), "train") == before
    assert caplog.messages == []


def test_a_fingerprint_of_an_older_version_is_computed_once_more_to_the_same(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = root / "cache" / "fingerprints.json"
    before = fingerprint(stored(root), "train")
    kept = {state: value for state, value in json.loads(path.read_text()).items() if " " not in state}
    path.write_text(json.dumps(kept))
    dataset = stored(root)
    assert [fingerprint(dataset, "train") for _ in range(2)] == [before, before]
    assert (dataset.loads, caplog.messages) == (1, [])
    assert kept.items() <= json.loads(path.read_text()).items(), "which older versions go on reading"
