"""What methods and evaluators alike promise of the process they run in."""

from __future__ import annotations

from typing import Protocol

from dcbench.testing.promises import ContractBroken, Promise, promise
from dcbench.testing.watching import Watched


class _Work(Protocol):
    @property
    def watched(self) -> Watched: ...


class _Subject(Protocol):
    """What has done the same work twice."""

    @property
    def usual(self) -> _Work: ...

    @property
    def again(self) -> _Work: ...


def manners(*needs: Promise) -> tuple[Promise, ...]:
    """Return the promises, with what they need."""
    return tuple(promise(*needs)(keep) for keep in (pickles_nothing, prints_nothing, leaves_the_process_alone))


def pickles_nothing(subject: _Subject) -> None:
    """No pickle is written or read: reading one can run any code."""
    pickled = subject.usual.watched.pickled
    if pickled:
        raise ContractBroken(f"it calls {', '.join(dict.fromkeys(pickled))}")


def prints_nothing(subject: _Subject) -> None:
    """What it has to say goes to progress; in a run, what is printed ends in a log that nobody reads."""
    printed = subject.usual.watched.printed
    if printed:
        raise ContractBroken(f"it prints {len(printed):,} characters, first {printed.splitlines()[0][:60]!r}")


def leaves_the_process_alone(subject: _Subject) -> None:
    """Global generators, default dtype, threads, working directory, environment and warnings are as they were."""
    changed = subject.again.watched.changed  # a second time: what a first import changes is not the plug-in's doing
    if changed:
        raise ContractBroken(f"it changes {', '.join(changed)}; use generators of its own, and put back what it sets")
