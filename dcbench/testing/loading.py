"""What every plug-in promises: that there is one."""

from __future__ import annotations

from inspect import isabstract
from typing import TYPE_CHECKING

from dcbench.api.errors import RequestError
from dcbench.testing.promises import ContractBroken, promise

if TYPE_CHECKING:
    from dcbench.testing.subject import Subject


@promise()
def loads(subject: Subject) -> None:
    """A package offers it under this name, and its record points to a class of the right kind that can be imported."""
    try:
        target = subject.target
    except RequestError as error:
        raise ContractBroken(str(error)) from error
    base = subject.base
    if not (isinstance(target, type) and issubclass(target, base)):
        raise ContractBroken(f"{target!r} is no class that derives from dcbench.{base.__name__}")
    if isabstract(target):
        missing = ", ".join(sorted(getattr(target, "__abstractmethods__", ())))
        raise ContractBroken(f"{target.__name__} does not define {missing}")
