from __future__ import annotations

import keyword
from importlib import metadata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcbench import MethodRecord, RequestError
from dcbench.engine.registry import Found, Registry, Source
from dcbench.scaffold.names import LONGEST, Names, parse_name, refuse_taken

THEIRS = Source("their-package", "1.0", "theirs", "theirs")
WORDS = st.lists(st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True), min_size=1, max_size=4)


def test_one_name_in_three_forms() -> None:
    names = parse_name("my-new_method2")
    assert (names.plugin, names.module, names.class_name) == ("my-new_method2", "my_new_method2", "MyNewMethod2")


@pytest.mark.parametrize(
    "text",
    ["", "-", "My-method", "1st", "my method", "my.method", "my--method", "my-", "-my", "../x", "é", "x\n", "x" * 31],
)
def test_what_cannot_be_a_name_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match=r"cannot name a plug-in.*such as my-method"):
        parse_name(text)


@pytest.mark.parametrize("text", ["lambda", "class", "true", "none"])
def test_words_of_python_are_refused(text: str) -> None:
    with pytest.raises(RequestError, match="is a word of the Python language"):
        parse_name(text)


@given(words=WORDS, glue=st.sampled_from("-_"))
def test_every_form_is_usable(words: list[str], glue: str) -> None:
    text = glue.join(words)
    try:
        names = parse_name(text)
    except RequestError:
        assert len(text) > LONGEST or keyword.iskeyword(text) or keyword.iskeyword(text.capitalize())
        return
    assert names.plugin == text
    for identifier in (names.module, names.class_name):
        assert identifier.isidentifier()
        assert not keyword.iskeyword(identifier)


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("their-method", "the method their-method of their-package"),
        ("their_method", "the method their-method of their-package"),
        ("random", "a module of Python's standard library"),
        ("torch", "a module that can be imported already"),
        ("dcbench-plugins", "a module that can be imported already"),
        ("scikit-learn", "an installed package"),
    ],
)
def test_a_name_that_is_taken_says_by_whom(name: str, owner: str) -> None:
    registry = Registry(found=[Found("methods", MethodRecord(name="their-method", summary="", target="a:B"), THEIRS)])
    with pytest.raises(RequestError, match=f"'{name}' is taken by {owner}; choose another name"):
        refuse_taken(Names(name), registry)


def test_a_free_name_is_free() -> None:
    assert not any(metadata.distributions(name="my-method"))
    refuse_taken(Names("my-method"), Registry())
