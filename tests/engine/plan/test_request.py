from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcbench import RequestError
from dcbench.api.folders import data_folder
from dcbench.engine.plan.request import make_request, parse_duration, parse_numbers


@given(st.lists(st.integers(0, 50), min_size=1))
def test_numbers_come_back_once_each_and_in_order(numbers: list[int]) -> None:
    assert parse_numbers(",".join(map(str, numbers)), "--seeds", 0) == tuple(dict.fromkeys(numbers))


@given(st.integers(0, 50), st.integers(0, 5))
def test_a_range_holds_both_ends(first: int, more: int) -> None:
    assert parse_numbers(f"{first}-{first + more}", "--seeds", 0) == tuple(range(first, first + more + 1))


@pytest.mark.parametrize("text", ["", ",", "one", "1.5", "-1", "1-", "0", "3-1", "1 2"])
def test_other_numbers_are_refused_by_name(text: str) -> None:
    with pytest.raises(RequestError, match="--ipc"):
        parse_numbers(text, "--ipc", 1)


@pytest.mark.parametrize("text", ["0-9999999999", "1-1000001", "1-600000,700000-1200000"])
def test_more_numbers_than_anybody_means_are_refused_before_they_are_made(text: str) -> None:
    with pytest.raises(RequestError, match=f"--seeds takes at most 1,000,000 numbers; {text} are more"):
        parse_numbers(text, "--seeds", 0)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("30m", 1800), ("2h", 7200), ("1.5h", 5400), ("1d", 86400)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0s", "-1h", "soon", "2 h", "1w", "1h30m"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(RequestError, match="--timeout"):
        parse_duration(text)


def test_lists_may_be_given_as_comma_lists() -> None:
    typed = make_request(methods="dm,m3d[lr=1,factor=2]", ipc="1,10", seeds="0-2", set=["m3d.lr=2"], timeout="1m")
    called = make_request(
        methods=["dm", "m3d[lr=1,factor=2]"], ipc=[1, 10], seeds=range(3), set=("m3d.lr=2",), timeout=60
    )
    assert typed == called


def test_one_number_is_a_list_of_one() -> None:
    assert make_request(ipc=5).ipc == (5,)


@pytest.mark.parametrize("classes", ["7", 7, range(7, 8), "7-7"])
def test_classes_are_one_span_however_it_is_given(classes: object) -> None:
    assert make_request(classes=classes).classes == range(7, 8)
    assert make_request(classes="0-19").classes == range(20)


def test_none_means_the_default() -> None:
    assert make_request(methods=None, ipc=None) == make_request()


@pytest.mark.parametrize(
    "options",
    [
        {"ipc": 0},
        {"ipc": "one"},
        {"ipc": [1.5]},
        {"classes": "0-4,6"},
        {"classes": "4-0"},
        {"classes": range(0, 9, 2)},
        {"repeats": 0},
        {"jobs": 0},
        {"timeout": -1},
        {"split": "train"},
        {"existing": "never"},
        {"speed": 1},
        {"methods": 3},
        {"repeats": 10**30},
        {"jobs": 10**30},
        {"seeds": 10**30},
        {"seeds": "9" * 5000},
        {"results": "a\0b"},
        {"data": Path("a\0b")},
        {"datasets": ["digits", "folder:a\0b"]},
    ],
    ids=lambda options: ascii(options)[:50],
)
def test_what_is_not_allowed_is_refused_by_name(options: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match=f"--{next(iter(options))}") as caught:
        make_request(**options)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


def test_the_data_folder_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCBENCH_DATA", "~/images")
    assert data_folder() == Path.home() / "images"
