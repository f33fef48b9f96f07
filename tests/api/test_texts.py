from __future__ import annotations

import json

import pytest

from dcbench.api.texts import plural, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("m3d[factor=1] · ± ü 蒸馏 🙂 a\u200db", "m3d[factor=1] · ± ü 蒸馏 🙂 a\u200db"),
        ("\x1b[2Jx", r"\u001b[2Jx"),
        ("\x9b31mx", r"\u009b31mx"),
        ("abc\u202egnp", r"abc\u202egnp"),
        ("\u2066a\u2069", r"\u2066a\u2069"),
        ("one\ntwo\tthree\r", r"one\ntwo\tthree\r"),
        ("\x00\x07\x08\x7f", r"\u0000\u0007\b\u007f"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\udb40\udc41"),
        ("\ufeffx\u2028", r"\ufeffx\u2028"),
    ],
)
def test_what_is_no_letter_becomes_a_code(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(shown) == shown


def test_ends_of_lines_and_tabs_may_stay() -> None:
    assert printable("a\n\tb\r\n\x1b", lines=True) == "a\n\tb\\r\n\\u001b"


def test_json_stays_json_and_means_the_same() -> None:
    value = {"label": "\x9b\u202e\U000e0041 ü"}
    assert json.loads(printable(json.dumps(value, ensure_ascii=False, indent=1), lines=True)) == value


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
