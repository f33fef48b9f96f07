from __future__ import annotations

from rich.padding import Padding
from rich.text import Text

from dcbench.report.drawing import drawn


def test_texts_are_shown_as_they_are_and_lines_end_without_blanks() -> None:
    assert drawn("m3d[lr=1] [bold]x", Padding("a", (0, 5))) == "m3d[lr=1] [bold]x\n     a\n"


def test_only_a_width_wraps_and_only_colour_writes_control_sequences() -> None:
    long = Text("word " * 50, "bold")
    assert drawn(long).count("\n") == 1
    assert max(map(len, drawn(long, width=40).splitlines())) <= 40
    assert "\x1b" not in drawn(long)
    assert "\x1b[1m" in drawn(long, colour=True)
