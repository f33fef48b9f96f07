"""Old public names: each works for one more release and warns in one line that gives the new name."""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any, TypeVar

T = TypeVar("T")


def warn_renamed(old: str, new: str, *, stacklevel: int = 2) -> None:
    """Warn that *old* is now called *new*.

    Args:
        old: the old name, with the module or class that it belongs to.
        new: the new one, likewise.
        stacklevel: as for `warnings.warn`, counted from the caller of this function.
    """
    text = f"{old} is now {new}; the old name goes with the next release"
    warnings.warn(text, DeprecationWarning, stacklevel=stacklevel + 1)


def old_names(module: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a ``__getattr__`` for *module*, under which old names lead to new ones.

    Args:
        module: its ``__name__``.
        names: from each old name to the full new one, such as ``dcbench.toolbox.devices.to_device_async``. The module
            of the new name is imported when the old name is used.
    """

    def get(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        warn_renamed(f"{module}.{name}", names[name])
        owner, _, attribute = names[name].rpartition(".")
        return getattr(import_module(owner), attribute)

    return get


def moved_module(old: str, names: Mapping[str, str]) -> None:
    """Make module *old* importable after its file is gone; the package that it was in calls this at its import.

    Python looks into ``sys.modules`` before it looks for a file. An empty module stands there, and its `old_names` lead
    to where the contents are now. So one line replaces a file that holds nothing else.

    Args:
        old: full name of the module.
        names: as for `old_names`.
    """
    module = ModuleType(old, f"Moved; see {', '.join(sorted({new.rpartition('.')[0] for new in names.values()}))}.")
    vars(module)["__getattr__"] = old_names(old, names)
    sys.modules[old] = module
    package, _, stem = old.rpartition(".")
    setattr(sys.modules[package], stem, module)


class RenamedMethod:
    """An old name of a method, in the body of the class: ``settle = RenamedMethod("as_tensors")``.

    Args:
        new: the name that the method has now.
    """

    def __init__(self, new: str) -> None:
        self._new, self._old = new, ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._old = name

    def __get__(self, instance: object, owner: type) -> Any:
        warn_renamed(f"{owner.__name__}.{self._old}", f"{owner.__name__}.{self._new}")
        return getattr(owner if instance is None else instance, self._new)


def renamed_arguments(owner: str, **names: str) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Return a decorator that takes keyword arguments under their old names too.

    Args:
        owner: the function or class, for the warning.
        names: from each old name to the new one.
    """

    def decorate(function: Callable[..., T]) -> Callable[..., T]:
        @functools.wraps(function)
        def accept(*args: Any, **kwargs: Any) -> T:
            for old in names.keys() & kwargs.keys():
                warn_renamed(f"{owner}({old}=)", f"{owner}({names[old]}=)")
                kwargs[names[old]] = kwargs.pop(old)
            return function(*args, **kwargs)

        return accept

    return decorate


def take_renamed_attributes(cls: type, **names: str) -> None:
    """Give *cls* its attributes under their new names where its body has the old ones.

    The base class calls this in ``__init_subclass__``.

    Args:
        cls: a class of a plug-in.
        names: from each old name to the new one.
    """
    for old, new in names.items():
        if old in cls.__dict__ and new not in cls.__dict__:
            # The frames above are those of metaclasses, so the text has to say which class it is.
            warn_renamed(f"{cls.__module__}.{cls.__qualname__}.{old}", f"{cls.__qualname__}.{new}", stacklevel=3)
            setattr(cls, new, cls.__dict__[old])
