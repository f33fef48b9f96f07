from __future__ import annotations

import pytest

from dcbench.engine.data.counts import counts_text


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
