"""What a plug-in does next to its work: it may print, pickle, open files, and change the state of the process."""

from __future__ import annotations

import io
import os
import pickle
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol
from unittest import mock

import numpy as np
import torch

from dcbench.testing.promises import ContractBroken, Promise, promise

_Part = tuple[Callable[[], Any], Callable[[Any], object]]


def _numpy_state() -> tuple[Any, ...]:
    name, keys, *rest = np.random.get_state()
    return (name, tuple(np.asarray(keys).tolist()), *rest)


def _torch_state() -> list[int]:
    state: list[int] = torch.get_rng_state().tolist()
    return state


def _restore_environment(before: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(before)


def _restore_warnings(before: list[Any]) -> None:
    warnings.filters[:] = before  # type: ignore[index]  # typed as a sequence, and a list
    warnings._filters_mutated()  # type: ignore[attr-defined]


_PARTS: dict[str, _Part] = {
    "torch's default dtype": (torch.get_default_dtype, torch.set_default_dtype),
    "torch's global generator": (_torch_state, lambda state: torch.set_rng_state(torch.tensor(state).byte())),
    "NumPy's global generator": (_numpy_state, np.random.set_state),
    "the generator of random": (random.getstate, random.setstate),
    "torch's number of threads": (torch.get_num_threads, torch.set_num_threads),
    "whether torch records gradients": (torch.is_grad_enabled, torch.set_grad_enabled),
    "the working directory": (os.getcwd, os.chdir),
    "the environment": (lambda: dict(os.environ), _restore_environment),
    "the filters of warnings": (lambda: list(warnings.filters), _restore_warnings),
}
"""Each part of the state: how it is read, as something that compares equal when it is the same, and put back."""


@contextmanager
def preserved() -> Iterator[list[str]]:
    """Put the state back when the block ends.

    Yields:
        a list that then names the parts that the block had changed.
    """
    before = {name: read() for name, (read, _) in _PARTS.items()}
    changed: list[str] = []
    try:
        yield changed
    finally:
        for name, (read, restore) in _PARTS.items():
            if read() != before[name]:
                changed.append(name)
                restore(before[name])


def stir_generators() -> None:
    """Bring the global generators into a state in which another program might have left them."""
    seed = 20_011
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


_listening: list[list[str]] = []


@contextmanager
def opened_files() -> Iterator[list[str]]:
    """Yield a list to which every file is added, by its real path, that Python opens in the block.

    Native code that opens files by itself, such as HDF5, is not seen.
    """
    _listen()
    opened: list[str] = []
    _listening.append(opened)
    try:
        yield opened
    finally:
        _listening.pop()


@cache
def _listen() -> None:
    sys.addaudithook(_hear)  # stays for the life of the process, so there is one only


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and _listening and isinstance(arguments[0], str | bytes | os.PathLike):
        path = os.path.realpath(os.fsdecode(arguments[0]))
        for opened in _listening:
            opened.append(path)


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


class _Work(Protocol):
    @property
    def watched(self) -> Watched: ...


class _Subject(Protocol):
    """What has done the same work twice."""

    @property
    def usual(self) -> _Work: ...

    @property
    def again(self) -> _Work: ...


def process_promises(*needs: Promise) -> tuple[Promise, ...]:
    """Return the promises, with what they need."""
    return tuple(promise(*needs)(keep) for keep in (pickles_nothing, prints_nothing, leaves_the_process_alone))


def pickles_nothing(subject: _Subject) -> None:
    """No pickle is written or read: reading one can run any code."""
    pickled = subject.usual.watched.pickled
    if pickled:
        raise ContractBroken(f"it calls {', '.join(dict.fromkeys(pickled))}")


def prints_nothing(subject: _Subject) -> None:
    """It reports by progress alone: in a run, what is printed ends in a log that is rarely read."""
    printed = subject.usual.watched.printed
    if printed:
        raise ContractBroken(f"it prints {len(printed):,} characters, first {printed.splitlines()[0][:60]!r}")


def leaves_the_process_alone(subject: _Subject) -> None:
    """Global generators, default dtype, threads, working directory, environment and warnings are as they were."""
    changed = subject.again.watched.changed  # a second time: what a first import changes is not the plug-in's doing
    if changed:
        raise ContractBroken(f"it changes {', '.join(changed)}; use generators of its own, and put back what it sets")
