"""What plug-ins of every group promise: that they load, and that their settings are well declared."""

from __future__ import annotations

import json
from inspect import isabstract
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from dcbench.api.errors import RequestError
from dcbench.api.settings import Settings
from dcbench.engine.identity import digest_of
from dcbench.testing.promises import ContractBroken, promise

if TYPE_CHECKING:
    from dcbench.testing.subject import Subject


@promise()
def loads(subject: Subject) -> None:
    """A package offers it under this name, and its record points to a class of the right base that can be imported."""
    try:
        target = subject.target
    except RequestError as error:
        raise ContractBroken(str(error)) from error
    base = subject.base
    if not (isinstance(target, type) and issubclass(target, base)):
        raise ContractBroken(f"{target!r} is not a class that derives from dcbench.{base.__name__}")
    if isabstract(target):
        missing = ", ".join(sorted(getattr(target, "__abstractmethods__", ())))
        raise ContractBroken(f"{target.__name__} does not define {missing}")


@promise(loads)
def settings_have_defaults(subject: Subject) -> None:
    """Its settings derive from dcbench.Settings and need no argument, and every default is allowed by its own field."""
    settings = subject.target.Settings
    if not (isinstance(settings, type) and issubclass(settings, Settings)):
        raise ContractBroken("Settings must be a class that derives from dcbench.Settings")
    try:
        defaults = settings()
        settings.model_validate(defaults.model_dump())
    except ValidationError as error:
        fault = error.errors()[0]
        name = ".".join(map(str, fault["loc"]))
        raise ContractBroken(f"the default of {name} is not allowed, or missing: {fault['msg']}") from error


@promise(settings_have_defaults)
def settings_are_documented(subject: Subject) -> None:
    """Every setting has a description, which 'dcbench list' shows."""
    bare = [name for name, field in subject.target.Settings.model_fields.items() if not field.description]
    if bare:
        raise ContractBroken(f"no description: {', '.join(bare)}; write Field(..., description=...)")


@promise(settings_have_defaults)
def settings_are_strict(subject: Subject) -> None:
    """Unknown settings are refused and none can be changed later, so that a digest says what was computed."""
    config = subject.target.Settings.model_config
    if config.get("extra") != "forbid":
        raise ContractBroken(
            f"extra={config.get('extra')!r}: a misspelt setting would be ignored; leave it at 'forbid'"
        )
    if not config.get("frozen"):
        raise ContractBroken("frozen=False: settings could change after their digest was taken; leave it at True")


@promise(settings_have_defaults)
def settings_survive_json(subject: Subject) -> None:
    """Settings come back from JSON as they were, with the same digest: a result file is found again by it."""
    defaults = subject.target.Settings()
    back = type(defaults)(**json.loads(json.dumps(defaults.model_dump(mode="json"))))
    changed = [name for name in type(defaults).model_fields if getattr(back, name) != getattr(defaults, name)]
    if changed:
        raise ContractBroken(f"not the same after a way through JSON: {', '.join(changed)}")
    if digest_of(back.digest_form()) != digest_of(defaults.digest_form()):
        raise ContractBroken("the digest is another after a way through JSON; digest_form must depend on values alone")


@promise(settings_have_defaults)
def settings_can_be_typed(subject: Subject) -> None:
    """Every number, word and truth value can be given as text, as --set NAME.FIELD=VALUE does."""
    defaults = subject.target.Settings()
    for name, value in defaults.model_dump(mode="json").items():
        if isinstance(value, int | float | str):
            _check_typed(defaults, name, str(value))


def _check_typed(defaults: Any, name: str, text: str) -> None:
    try:
        typed = defaults.changed({name: text})
    except ValidationError as error:
        raise ContractBroken(
            f"--set NAME.{name}={text} is refused, though it is the default: {error.errors()[0]['msg']}"
        ) from error
    if typed != defaults:
        raise ContractBroken(f"{name}={text} is read as {getattr(typed, name)!r}, not as {getattr(defaults, name)!r}")


@promise(settings_have_defaults)
def later_settings_exist(subject: Subject) -> None:
    """Settings.added_later names fields that there are, so that old results stay valid when a field is added."""
    settings = subject.target.Settings
    unknown = sorted(set(settings.added_later) - set(settings.model_fields))
    if unknown:
        raise ContractBroken(f"Settings.added_later names {', '.join(unknown)}, which are not fields")


PROMISES = (
    settings_have_defaults,
    settings_are_documented,
    settings_are_strict,
    settings_survive_json,
    settings_can_be_typed,
    later_settings_exist,
)
