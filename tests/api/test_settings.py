from __future__ import annotations

from typing import Any, ClassVar

import pytest
from pydantic import Field, ValidationError

import dcbench


class First(dcbench.Settings):
    lr: float = Field(1.0, gt=0)
    sizes: tuple[int, ...] = (1, 2)


class Second(First):
    added_later: ClassVar = frozenset({"momentum", "tags"})
    momentum: float = 0.0
    tags: tuple[str, ...] = ()


def test_changes_may_come_as_texts() -> None:
    assert First().changed({"lr": "10"}) == First(lr=10.0)


def test_what_is_not_changed_stays() -> None:
    assert First(lr=3.0).changed({"sizes": [4]}) == First(lr=3.0, sizes=(4,))


@pytest.mark.parametrize("changes", [{"lr": "0"}, {"lr": "fast"}, {"speed": "1"}])
def test_changes_are_validated(changes: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        First().changed(changes)


def test_settings_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValidationError):
        First().lr = 2.0


def test_the_digest_form_holds_json_values() -> None:
    assert First().digest_form() == {"lr": 1.0, "sizes": [1, 2]}


def test_a_later_field_at_its_default_is_left_out() -> None:
    assert Second().digest_form() == First().digest_form()


def test_a_later_field_that_was_changed_counts() -> None:
    assert Second(momentum=0.9).digest_form() == First().digest_form() | {"momentum": 0.9}


def test_a_later_field_may_have_a_default_factory() -> None:
    class Third(First):
        added_later: ClassVar = frozenset({"names"})
        names: list[str] = Field(default_factory=list)

    assert Third().digest_form() == First().digest_form()
    assert "names" in Third(names=["a"]).digest_form()


class Own(dcbench.Settings):
    steps: int = 3


class Typed(dcbench.Method[Own]):
    Settings = Own

    def condense(self, task: dcbench.Task, settings: Own) -> dcbench.CondensedSet:
        raise NotImplementedError(settings.steps)


class Plain(dcbench.Method):
    def condense(self, task: dcbench.Task, settings: dcbench.Settings) -> dcbench.CondensedSet:
        raise NotImplementedError


def test_a_method_may_name_its_settings_as_a_parameter_and_need_not() -> None:
    info: Any = None
    assert Typed().settings_for(info, 1) == Own()
    assert Plain().settings_for(info, 1) == dcbench.Settings()
