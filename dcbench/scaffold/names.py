"""One name in the three forms that a package needs, and the names that would clash."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from keyword import iskeyword
from typing import TYPE_CHECKING

from dcbench.api.errors import RequestError

if TYPE_CHECKING:
    from dcbench.engine.registry import Registry

LONGEST = 30
"""Characters of a name; a line of the package with the name twice still fits into 88 columns."""

_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")


@dataclass(frozen=True)
class Names:
    """The forms of one name."""

    plugin: str
    """What the plug-in and its package are called, such as ``my-method``."""

    @property
    def module(self) -> str:
        """What Python imports: ``my_method``."""
        return self.plugin.replace("-", "_")

    @property
    def class_name(self) -> str:
        """What the class is called: ``MyMethod``."""
        return "".join(word.capitalize() for word in self.module.split("_"))


def parse_name(text: str) -> Names:
    """Return the forms of *text*.

    Raises:
        RequestError: it cannot be the name of a plug-in, a package and a class.
    """
    if not _NAME.fullmatch(text) or len(text) > LONGEST:
        raise RequestError(
            f"{text!r} cannot name a plug-in: write words of lower case letters and digits, joined by '-' or '_', "
            f"starting with a letter, {LONGEST} characters at most, such as my-method"
        )
    names = Names(text)
    if iskeyword(names.module) or iskeyword(names.class_name):
        raise RequestError(f"{text!r} is a word of the Python language; choose another name")
    return names


def refuse_taken(names: Names, registry: Registry) -> None:
    """Refuse a name that would hide something, or be hidden.

    Raises:
        RequestError: a plug-in, a module or a package has it; the text says which.
    """
    owner = _owner(names, registry)
    if owner:
        raise RequestError(f"{names.plugin!r} is taken by {owner}; choose another name")


def _owner(names: Names, registry: Registry) -> str:
    for item in registry.found:
        if item.record.name.replace("-", "_") == names.module:
            return f"the {item.group[:-1]} {item.record.name} of {item.source.package}"
    if names.module in sys.stdlib_module_names:
        return "a module of Python's standard library"
    if find_spec(names.module) is not None:
        return "a module that can be imported already"
    if any(metadata.distributions(name=names.plugin)):
        return "an installed package"
    return ""
