from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.padding import Padding
from rich.text import Text

from dcbench.report.text import drawn, is_logarithmic, sparkline


def test_texts_are_shown_as_they_are_and_lines_end_without_blanks() -> None:
    assert drawn("m3d[lr=1] [bold]x", Padding("a", (0, 5))) == "m3d[lr=1] [bold]x\n     a\n"


def test_only_a_width_wraps_and_only_colour_writes_control_sequences() -> None:
    long = Text("word " * 50, "bold")
    assert drawn(long).count("\n") == 1
    assert max(map(len, drawn(long, width=40).splitlines())) <= 40
    assert "\x1b" not in drawn(long)
    assert "\x1b[1m" in drawn(long, colour=True)


VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200)


def test_blocks_rise_with_the_values() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert sparkline([5.0, 5.0, 5.0]) == "▁▁▁"
    assert sparkline([]) == ""


def test_values_over_decades_are_on_a_logarithmic_scale() -> None:
    assert sparkline([1, 10, 100]) == "▁▅█"
    assert sparkline([1, 10, 99]) == "▁▂█"
    assert is_logarithmic([0.01, 1.0])
    assert not is_logarithmic([0.0, 100.0])
    assert not is_logarithmic([-1.0, 100.0])
    assert not is_logarithmic([])


def test_what_is_not_finite_is_marked_and_moves_nothing_else() -> None:
    assert sparkline([0.0, math.nan, 7.0, math.inf]) == "▁!█!"
    assert sparkline([1.0, math.inf, 1000.0]) == "▁!█"
    assert sparkline([math.nan]) == "!"


@given(VALUES, st.integers(1, 60))
def test_a_curve_is_never_wider_than_asked_and_has_its_extremes(values: list[float], width: int) -> None:
    line = sparkline(values, width)
    assert len(line) == min(len(values), width)
    assert "▁" in line
    assert set(line) <= set("▁▂▃▄▅▆▇█")


@pytest.mark.parametrize("width", [1, 3, 7])
def test_beyond_the_width_neighbours_are_averaged(width: int) -> None:
    assert sparkline([value for value in range(width) for _ in range(5)], width) == sparkline(range(width), width)
