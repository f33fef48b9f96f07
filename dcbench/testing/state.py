"""The global state of a process, which a plug-in shares with whatever runs there after it."""

from __future__ import annotations

import os
import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

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
