from __future__ import annotations

import pytest

from dcbench.api.words import plural


@pytest.mark.parametrize(("number", "text"), [(0, "0 cells"), (1, "1 cell"), (2, "2 cells"), (1200, "1200 cells")])
def test_one_is_singular_and_nothing_else(number: int, text: str) -> None:
    assert plural(number, "cell") == text
