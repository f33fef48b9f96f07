"""Checks in a process of their own, so that a plug-in that crashes, hangs or exits ends nothing else."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from unittest import SkipTest

from pydantic import ConfigDict, TypeAdapter, ValidationError

from dcbench.engine.work.devices import prepare_process
from dcbench.engine.work.messages import InvalidEventError, Lines
from dcbench.engine.work.processes import die_with_parent, kill_group, leave_standard_input
from dcbench.engine.work.runtime import Runtime
from dcbench.engine.work.worker import CAN_FORK
from dcbench.testing.promises import Check, ContractBroken

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


@dataclass(frozen=True)
class Verdict:
    """How one check ended."""

    name: str
    outcome: Literal["passed", "failed", "skipped"]
    text: str = ""
    """What is broken, or why the check was skipped."""
    seconds: float = 0.0
    traceback: str = ""
    """Where the plug-in raised, if it did."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # it comes back through a pipe


_VERDICT = TypeAdapter(Verdict)
_BLOCK = 65536
_LONGEST_TRACEBACK = 40_000  # characters at its end


def judge(check: Check) -> Verdict:
    """Call *check* in this process."""
    started = time.monotonic()
    try:
        check()
    except SkipTest as error:
        return Verdict(str(check), "skipped", _line(error), time.monotonic() - started)
    except ContractBroken as error:
        cause = (
            ""
            if error.__cause__ is None
            else "".join(traceback.format_exception(error.__cause__))[-_LONGEST_TRACEBACK:]
        )
        return Verdict(str(check), "failed", _line(error), time.monotonic() - started, cause)
    return Verdict(str(check), "passed", "", time.monotonic() - started)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())


def judge_apart(checks: Sequence[Check], limit: float) -> Iterator[Verdict]:
    """Call *checks* one after the other in a child, and in a fresh one after a check that killed it.

    Checks that need one that killed its process are skipped. Where forking is not safe (anything but Linux) all are
    called in this process, and without limit.

    Args:
        checks: all of one plug-in.
        limit: seconds that one check may take.
    """
    if not CAN_FORK:
        yield from map(judge, checks)
        return
    waiting = list(checks)
    while waiting:
        with _Child(waiting) as child:
            for check in list(waiting):
                verdict = child.verdict(check, limit)
                yield verdict
                waiting.remove(check)
                if child.ended:
                    yield from _skip_those_that_need(check, waiting)
                    break


def _skip_those_that_need(killer: Check, waiting: list[Check]) -> Iterator[Verdict]:
    """Take out of *waiting* what needs *killer*, directly or not: it would kill its process again."""
    lost = {killer.promise}
    for check in list(waiting):
        if lost & set(check.promise.needs):
            lost.add(check.promise)
            waiting.remove(check)
            yield Verdict(str(check), "skipped", f"needs {killer}")


class _Child:
    """A process that calls checks in their order and sends a verdict for each."""

    def __init__(self, checks: Sequence[Check]) -> None:
        context = multiprocessing.get_context("fork")
        self._verdicts, sending = context.Pipe(duplex=False)
        self._process = context.Process(target=_judge_all, args=(checks, sending, os.getpid()))
        with warnings.catch_warnings():
            # Python warns of forks where threads are: torch has some, and the child, which has one, needs no other.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._process.start()
        sending.close()
        self._lines, self._heard = Lines(), list[bytes]()
        self.ended = False
        """Whether a check killed the process, took too long, or wrote where only verdicts belong."""

    def __enter__(self) -> _Child:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.pid is not None:
            kill_group(self._process.pid)
        self._process.kill()  # it may not have had the time to lead a group
        self._process.join()

    def verdict(self, check: Check, limit: float) -> Verdict:
        """Wait for the verdict of *check*, the next in order."""
        started = time.monotonic()
        try:
            verdict = self._next(started + limit)
        except TimeoutError:
            text = f"it takes more than {limit:g} seconds, on a few small images"
        except EOFError:
            self._process.join()
            text = f"it ends the process: {_how(self._process.exitcode or 0)}"
        except (InvalidEventError, ValidationError):
            text = "it writes to the pipe that the verdicts of the checks go through"
        else:
            if verdict.name == str(check):
                return verdict
            text = "it writes to the pipe that the verdicts of the checks go through"
        self.ended = True
        return Verdict(str(check), "failed", text, time.monotonic() - started)

    def _next(self, deadline: float) -> Verdict:
        """Return the next verdict in the pipe, where a plug-in may have written something else or half a line."""
        while not self._heard:
            if not self._verdicts.poll(max(0.0, deadline - time.monotonic())):
                raise TimeoutError
            block = os.read(self._verdicts.fileno(), _BLOCK)
            if not block:
                raise EOFError
            self._heard += self._lines.feed(block)
        return _VERDICT.validate_json(self._heard.pop(0))


def _how(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _judge_all(checks: Sequence[Check], sending: Connection, parent: int) -> None:
    os.setsid()
    die_with_parent(parent)
    leave_standard_input()
    _leave_output()
    prepare_process(Runtime())
    for check in checks:
        line = _VERDICT.dump_json(judge(check)) + b"\n"
        while line:
            line = line[os.write(sending.fileno(), line) :]


def _leave_output() -> None:
    """Let nothing that a plug-in prints, native libraries included, stand between the lines of the command."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    os.close(nothing)
