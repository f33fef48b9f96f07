from __future__ import annotations

import re
from typing import TYPE_CHECKING

import matplotlib as mpl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcbench import RequestError
from dcbench.report.figures.style import COLUMN, add_legend, format_of, looks, panels, save, styled, wrapped

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure


@styled
def drawn(label: str = "m3d") -> Figure:
    figure, (axes,) = panels(1, f"title of {label}")
    axes.plot([0, 1], [0, 1], label=label)
    axes.fill_between([0, 1], [0, 0.5], [0, 1.5], hatch="/")  # hatches are named by random numbers unless salted
    add_legend(figure, [axes])
    return figure


@pytest.mark.parametrize("form", ["svg", "png", "pdf"])
def test_the_same_figure_gives_the_same_bytes(tmp_path: Path, form: str) -> None:
    paths = [tmp_path / f"{number}.{form}" for number in (1, 2)]
    for path in paths:
        save(drawn(), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_text_stays_text_and_any_label_is_shown_as_it_is(tmp_path: Path) -> None:
    label = r"m3d[network=<script>$x_1^{$,%]"
    save(drawn(label), tmp_path / "x.svg")
    text = (tmp_path / "x.svg").read_text()
    assert "m3d[network=&lt;script&gt;$x_1^{$,%]</text>" in text
    assert "<script" not in text
    for form in ("png", "pdf"):
        save(drawn(label), tmp_path / f"x.{form}")


def test_no_state_is_left_behind(tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    save(drawn(), tmp_path / "x.svg")
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("name", ["x.gif", "x", "x.svg.txt"])
def test_another_ending_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RequestError, match=re.escape(f"{name}: a figure is written as .svg, .pdf, .png")):
        format_of(tmp_path / name)


LABELS = st.sets(st.sampled_from(["m3d", "dm", "idm", "random"]) | st.text(min_size=1, max_size=3), max_size=32)


@given(LABELS)
def test_no_two_labels_look_alike_and_order_does_not_matter(labels: set[str]) -> None:
    found = looks(sorted(labels))
    assert len(set(found.values())) == len(labels)
    assert looks(sorted(labels, reverse=True)) == found


def test_a_method_keeps_its_colour_and_its_variants_have_it_too() -> None:
    alone, among = looks(["m3d"]), looks(["a", "b", "dm", "m3d", "m3d[lr=1]", "m3d[lr=2]"])
    assert among["m3d"] == alone["m3d"]
    variants = {among[label] for label in ("m3d", "m3d[lr=1]", "m3d[lr=2]")}
    assert len(variants) == 3
    assert {look.colour for look in variants} == {alone["m3d"].colour}


def test_more_labels_than_looks_are_drawn_all_the_same() -> None:
    assert len(looks(map(str, range(40)))) == 40


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_panels_are_a_column_wide_at_most_two_side_by_side(count: int) -> None:
    figure, axes = panels(count, "title")
    assert len(axes) == len(figure.axes) == count
    assert figure.get_figwidth() == COLUMN * min(count, 2)


def test_a_long_legend_makes_the_figure_higher_and_not_its_axes_smaller(tmp_path: Path) -> None:
    @styled
    def height(labels: list[str]) -> float:
        figure, (axes,) = panels(1, "title")
        for label in labels:
            axes.plot([0, 1], [0, 1], label=label)
        add_legend(figure, [axes])
        save(figure, tmp_path / "x.png")
        return axes.get_position().height * figure.get_figheight()

    assert height(["x" * 40 + str(number) for number in range(12)]) == pytest.approx(height(["x"]), abs=0.25)


def test_long_text_is_broken_within_the_width() -> None:
    lines = wrapped("word " * 40, COLUMN).splitlines()
    assert len(lines) > 2
    assert wrapped("short", COLUMN) == "short"
