from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.fakes import info_of, made_up_set

from dcbench import Dataset, DatasetInfo, DatasetRecord, ImageSet
from dcbench.engine.data.fingerprints import hash_images
from dcbench.engine.data.standard import counted_info, is_other, other_data

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dcbench import Split

SETS = {"train": made_up_set(seed=1), "test": made_up_set(seed=2)}
SUMS = {split: hash_images(images) for split, images in SETS.items()}


class Made(Dataset):
    said = ""

    def info(self) -> DatasetInfo:
        return info_of(SETS["train"])

    def files(self, split: Split) -> Sequence[Path]:
        return [Path(__file__)]

    def load(self, split: Split) -> ImageSet:
        return SETS[split]

    def differs(self) -> str:
        return self.said


class Telling(Made):
    said = "two files\nare others"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCBENCH_CACHE", str(tmp_path))


def of(kind: type[Made], **fingerprints: str) -> str:
    record = DatasetRecord(name="made", summary="", target="x:Y", fingerprints=fingerprints)
    return other_data(record, kind(Path(), "", kind.Settings()))


def test_data_with_the_known_fingerprints_is_standard_whatever_it_says_itself() -> None:
    assert of(Made, **SUMS) == of(Telling, **SUMS) == ""


def test_data_without_known_fingerprints_says_itself_whether_it_is_another_in_one_line() -> None:
    assert of(Made) == ""
    assert of(Telling) == "two files are others"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (["train"], "its training images or labels are not the standard ones"),
        (["test"], "its test images or labels are not the standard ones"),
        (["train", "test"], "its training and test images or labels are not the standard ones"),
    ],
)
def test_other_fingerprints_are_other_data(wrong: list[str], words: str) -> None:
    sums = SUMS | dict.fromkeys(wrong, "00")
    assert of(Made, **sums) == words
    assert of(Telling, **sums) == "two files are others"


def test_the_images_of_other_data_are_counted() -> None:
    made = Made(Path(), "", Made.Settings())
    counted = counted_info(made, replace(made.info(), train_counts=(1, 2, 3), test_counts=(1, 2, 3)))
    assert (counted.train_counts, counted.test_counts) == ((12, 12, 12), (12, 12, 12))


def test_a_file_says_itself_whether_its_data_is_another_or_else_its_fingerprints_do() -> None:
    spec = {"train": "aa", "test": "bb"}
    assert not is_other(spec, {})
    assert not is_other(spec, {"train": "aa", "test": "bb"})
    assert is_other(spec, {"train": "aa", "test": "cc"})
    assert is_other(spec | {"other_data": None}, {"train": "cc"})
    assert is_other(spec | {"other_data": "half of it"}, {"train": "aa"})
    assert not is_other(spec | {"other_data": ""}, {"train": "cc"})
