from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcbench import RequestError
from dcbench.engine.selectors import Selector, canonical, parse_overrides, parse_selector, parse_selectors, split_list

NAMES = st.from_regex(r"[a-z][a-z0-9._+-]{0,8}", fullmatch=True)
FIELDS = st.from_regex(r"[a-z_]{1,6}", fullmatch=True)
PLAIN = st.from_regex(r"[A-Za-z0-9.+=:/-]{0,6}", fullmatch=True)
NESTED = st.builds("{}[{}]".format, PLAIN, st.lists(PLAIN, max_size=2).map(",".join))
VALUES = PLAIN | NESTED
ARGUMENTS = st.one_of(st.just(""), st.from_regex(r"[A-Za-z0-9./ =:_-]{0,8}[a-z]", fullmatch=True))
CHOICES = st.builds(Selector, NAMES, ARGUMENTS, st.dictionaries(FIELDS, VALUES, max_size=3))


@given(CHOICES)
def test_a_label_can_be_typed_again(choice: Selector) -> None:
    assert parse_selector(choice.label) == choice


@given(st.lists(CHOICES, max_size=4))
def test_a_comma_list_is_the_list_of_its_choices(choices: list[Selector]) -> None:
    unique = list({choice.label: choice for choice in choices}.values())
    assert parse_selectors(",".join(choice.label for choice in choices)) == unique
    assert parse_selectors([choice.label for choice in choices]) == unique


@given(st.text(alphabet="ab[]=,: .1", max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(RequestError):
        choices = parse_selectors(text)
        assert parse_selectors([choice.label for choice in choices]) == choices


def test_commas_in_brackets_do_not_split() -> None:
    assert split_list("dm, m3d[kernel=linear,lr=0.1] ,,herding") == ["dm", "m3d[kernel=linear,lr=0.1]", "herding"]


def test_a_path_may_hold_what_a_name_may_not() -> None:
    assert parse_selector("folder:/data/my set=1[size=64]") == Selector("folder", "/data/my set=1", {"size": "64"})


def test_a_value_may_have_settings_of_its_own() -> None:
    choice = parse_selector("m3d[network=convnet[depth=4,width=8],lr=1]")
    assert choice == Selector("m3d", "", {"network": "convnet[depth=4,width=8]", "lr": "1"})


@pytest.mark.parametrize(
    "text",
    ["[a=1]", "m3d[a=1", "m3d]", "m3d[a=1]x", "m3d[a]", "m3d[=1]", "two words", "m3d:", "m3d[a=1][b=2]", "m3d[a=[1]"],
)
def test_what_cannot_be_read_is_shown(text: str) -> None:
    with pytest.raises(RequestError, match="cannot read"):
        parse_selector(text)


def test_a_setting_is_given_once_in_brackets() -> None:
    with pytest.raises(RequestError, match=r"'m3d\[lr=1,factor=2, lr=2\]' sets lr twice"):
        parse_selector("m3d[lr=1,factor=2, lr=2]")


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("convnet[width=128,depth=3]", "convnet[depth=3,width=128]"),
        (" convnet[ depth = 3, width=128 ]", "convnet[depth=3,width=128]"),
        ("convnet3", "convnet3"),
        ("convnet3[]", "convnet3"),
    ],
)
def test_a_choice_has_one_form_for_digests(text: str, form: str) -> None:
    assert canonical(text) == form


@given(CHOICES)
def test_the_form_for_digests_means_the_same(choice: Selector) -> None:
    form = canonical(choice.label)
    assert parse_selector(form) == choice
    assert canonical(form) == form


def test_overrides_are_gathered_by_plug_in() -> None:
    texts = ["m3d.lr=10", "m3d.network=convnet[depth=4,width=8]", "k-center.x=a=b", "k-center.y="]
    assert parse_overrides(texts) == {
        "m3d": {"lr": "10", "network": "convnet[depth=4,width=8]"},
        "k-center": {"x": "a=b", "y": ""},
    }


@pytest.mark.parametrize(
    "text",
    ["m3d.lr", "lr=10", ".lr=10", "m3d.=10", "m3d", "m3d.lr=1,m3d.factor=2", "m3d.lr=[", "m3d.lr=][", "m3d.lr=1]"],
)
def test_an_override_that_cannot_be_read_is_shown(text: str) -> None:
    with pytest.raises(RequestError, match="--set"):
        parse_overrides([text])


def test_an_override_may_be_repeated_but_not_contradicted() -> None:
    assert parse_overrides(["m3d.lr=1", "m3d.lr= 1", "dm.lr=2"]) == {"m3d": {"lr": "1"}, "dm": {"lr": "2"}}
    with pytest.raises(RequestError, match=r"--set m3d\.lr is given two values, 1 and 2"):
        parse_overrides(["m3d.lr=1", "m3d.lr=2"])


def test_a_choice_of_its_own_stands_above_a_general_one() -> None:
    choice = parse_selector("m3d[lr=1]").over({"lr": "2", "kernel": "linear"})
    assert choice.settings == {"lr": "1", "kernel": "linear"}


@pytest.mark.parametrize(
    ("text", "other", "covered"),
    [
        ("folder:/a/b[size=16]", "folder:/a/b[size=16]", True),
        ("folder:/a/b", "folder:/a/b[size=16]", True),
        ("folder:/a/../a/b/", "folder:/a/b", True),
        ("folder:/a/b[size=32]", "folder:/a/b[size=16]", False),
        ("folder:/a/c", "folder:/a/b", False),
        ("other:/a/b", "folder:/a/b", False),
        ("photos", "photos[size=16]", False),
        ("photos", "photos", True),
    ],
)
def test_a_path_alone_covers_what_was_chosen_from_there(text: str, other: str, covered: bool) -> None:
    assert parse_selector(text).covers(parse_selector(other)) is covered


def test_a_relative_path_is_the_absolute_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_selector("folder:birds").covers(Selector("folder", str(tmp_path / "birds")))
