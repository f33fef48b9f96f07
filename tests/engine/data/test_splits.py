from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import info_of, made_up_set

from dcbench import ImageSet
from dcbench.engine.data.splits import counts_text, held_out, split_validation, validation_info

TRAIN = made_up_set(classes=3, per_class=23)


@given(st.integers(1, 10_000))
def test_about_a_tenth_is_held_out(count: int) -> None:
    assert held_out(count) >= 1
    assert abs(held_out(count) - count / 10) <= max(0.5, 1 - count / 10)


def test_each_class_gives_a_tenth() -> None:
    kept, held = split_validation(TRAIN)
    assert kept.labels.bincount().tolist() == [21, 21, 21]
    assert held.labels.bincount().tolist() == [2, 2, 2]


def test_both_parts_together_are_the_whole_in_its_order() -> None:
    marked = ImageSet(torch.arange(len(TRAIN)).to(torch.uint8).view(-1, 1, 1, 1), TRAIN.labels, 3)
    kept, held = (part.images.flatten().tolist() for part in split_validation(marked))
    assert kept == sorted(kept)
    assert held == sorted(held)
    assert sorted(kept + held) == list(range(len(TRAIN)))


def test_the_split_is_the_same_every_time_whatever_the_global_seed() -> None:
    torch.manual_seed(1)
    first = split_validation(TRAIN)
    torch.manual_seed(2)
    second = split_validation(TRAIN)
    assert all(torch.equal(one.images, other.images) for one, other in zip(first, second, strict=True))


def test_what_is_held_out_stays_what_it_was() -> None:
    # A set of an older release must never be evaluated on images that it was condensed from.
    marked = ImageSet(torch.arange(len(TRAIN)).to(torch.uint8).view(-1, 1, 1, 1), TRAIN.labels, 3)
    assert split_validation(marked)[1].images.flatten().tolist() == [0, 5, 14, 42, 49, 66]


def test_the_description_counts_what_the_split_gives() -> None:
    info = validation_info(info_of(TRAIN))
    kept, held = split_validation(TRAIN)
    assert info.train_counts == tuple(kept.labels.bincount().tolist())
    assert info.test_counts == tuple(held.labels.bincount().tolist())


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ((6000, 6000), "12,000 images, 6,000 of each class"),
        ((1, 0), "1 image (a: 1, b: 0)"),
        ((4, 6, 1000), "1,010 images (a: 4, b: 6, c: 1,000)"),
        ((7, *range(6, 20)), "182 images, 6 (b) to 19 (o) a class"),
    ],
)
def test_counts_are_told_as_shortly_as_they_can_be(counts: tuple[int, ...], text: str) -> None:
    names = "abcdefghijklmnopq"[: len(counts)]
    assert counts_text(names, counts) == text


def test_every_class_can_be_listed() -> None:
    text = counts_text([f"c{number}" for number in range(15)], range(1, 16), all_of_them=True)
    assert text.startswith("120 images (c0: 1, c1: 2")
    assert text.endswith("c14: 15)")
