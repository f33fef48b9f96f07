"""What a plug-in does beside its work: it may print, pickle, and change the state of the process."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import torch

from dcbench.testing.state import preserved

_PICKLING = [(pickle, name) for name in ("dump", "dumps", "load", "loads")] + [(torch, "save"), (torch, "load")]


@dataclass
class Watched:
    """What was seen."""

    pickled: list[str] = field(default_factory=list)
    """Functions called that write or read pickles."""
    printed: str = ""
    """What went to standard output."""
    changed: list[str] = field(default_factory=list)
    """Parts of the global state that were not as before; they are put back."""


@contextmanager
def watching() -> Iterator[Watched]:
    """Watch what the block does; what is yielded is complete when it has ended."""
    seen, output = Watched(), io.StringIO()
    with ExitStack() as stack:
        seen.changed = stack.enter_context(preserved())
        stack.enter_context(redirect_stdout(output))
        for module, name in _PICKLING:
            watched = _noting(seen.pickled, f"{module.__name__}.{name}", getattr(module, name))
            stack.enter_context(mock.patch.object(module, name, watched))
        try:
            yield seen
        finally:
            seen.printed = output.getvalue()


def _noting(calls: list[str], name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def noted(*arguments: Any, **options: Any) -> Any:
        calls.append(name)
        return function(*arguments, **options)

    return noted
