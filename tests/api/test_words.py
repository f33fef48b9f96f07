from __future__ import annotations

import pytest

from dcbench.api.words import plural


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 cells"),
        (1, "1 cell"),
        (2, "2 cells"),
        (999, "999 cells"),
        (1000, "1,000 cells"),
        (1_234_567, "1,234,567 cells"),
    ],
)
def test_one_is_singular_and_nothing_else(number: int, text: str) -> None:
    assert plural(number, "cell") == text
