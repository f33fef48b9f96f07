"""The worker: a process that imports what is slow to import once, and then runs each job in a child of its own.

An executor starts it as ``python -m dcbench.engine.work.worker``. Orders come in on standard input, one JSON object a
line; events go out on standard output the same way. On Linux each job is a forked child, so that a job which crashes,
leaks or changes global state harms no other; elsewhere the worker runs one job itself and ends. The worker ends when
its standard input closes, so it never outlives the front end, and it takes its child along.
"""

from __future__ import annotations

import ctypes
import faulthandler
import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

CAN_FORK = sys.platform == "linux"  # elsewhere forking after native libraries were loaded is not safe
STOP = "stop"
"""What a front end writes in the place of an order to end the job in work."""
_TICK = 0.02  # seconds between looks at the child
_REPORTS_A_SECOND = 10


class Channel:
    """Writes events as lines to a file descriptor."""

    def __init__(self, descriptor: int) -> None:
        """Write to *descriptor*, which nobody else writes to at the same time."""
        self._descriptor = descriptor
        self._next_report = 0.0

    def send(self, event: str, **facts: Any) -> None:
        """Send one event. A front end that is gone is noticed elsewhere."""
        # The empty line in front ends what a job that was killed in the middle of a line has left in the pipe.
        line = b"\n" + json.dumps({"event": event, **facts}).encode() + b"\n"
        try:
            while line:
                line = line[os.write(self._descriptor, line) :]
        except BrokenPipeError:
            os._exit(1)

    def report(self, step: int, total: int, figures: Mapping[str, float]) -> None:
        """Send progress, but not more often than a person can read."""
        now = time.monotonic()
        if now >= self._next_report or step >= total:
            self._next_report = now + 1 / _REPORTS_A_SECOND
            self.send("progress", step=step, total=total, figures=dict(figures))


class Orders:
    """Reads lines from standard input without a buffer that a child would inherit."""

    def __init__(self) -> None:
        """Start with nothing read."""
        self._pending = b""

    def next(self) -> str | None:
        """Wait for the next line; None when the front end has closed the pipe."""
        while b"\n" not in self._pending:
            block = os.read(0, 1 << 16)
            if not block:
                return None
            self._pending += block
        line, _, self._pending = self._pending.partition(b"\n")
        return line.decode()

    @staticmethod
    def something_came(seconds: float) -> bool:
        """Wait up to *seconds* for a line or the end of the pipe."""
        return bool(select.select([0], [], [], seconds)[0])


def main() -> None:
    """Serve orders until the front end is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the front end, which then closes the pipe
    channel = Channel(os.dup(1))
    os.dup2(2, 1)  # what a plug-in prints must not look like an event
    faulthandler.enable()  # a crash in compiled code leaves the lines of Python that led to it in the job's log
    _import_what_is_slow()
    orders = Orders()
    channel.send("ready")
    while (line := orders.next()) is not None:
        if line == STOP:  # the job it was meant for has just ended by itself
            continue
        channel.send("started")
        if CAN_FORK:
            _run_in_child(line, channel, orders)
        else:
            _run(line, channel)
            return


def _import_what_is_slow() -> None:
    import dcbench.engine.work.jobs  # noqa: F401  (brings torch, h5py and pydantic)


def _run_in_child(line: str, channel: Channel, orders: Orders) -> None:
    """Fork, run the order in the child, and wait for it while listening to the front end."""
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            die_with_parent()
            leave_standard_input()
            _run(line, channel)
        finally:
            os._exit(0)
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        if orders.something_came(_TICK):  # the word to stop, or the end of the front end
            kill_group(child)
            os.waitpid(child, 0)
            if orders.next() is None:
                os._exit(0)
            channel.send("stopped")
            return
    kill_group(child)  # what the job itself has forked
    code = os.waitstatus_to_exitcode(status)
    channel.send("ended", signal=signal.Signals(-code).name if code < 0 else "", code=code)


def kill_group(child: int) -> None:
    """Kill *child*, which leads a group of processes, with all that it has started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies, however that happens."""
    set_parent_death_signal = 1  # PR_SET_PDEATHSIG
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(set_parent_death_signal, signal.SIGKILL)
    if os.getppid() != parent or parent == 1:
        os._exit(1)


def leave_standard_input() -> None:
    """Let a plug-in that reads standard input find it empty: what comes there is for the process that forked."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def _run(line: str, channel: Channel) -> None:
    """Carry out one order; say how it ended."""
    from dcbench.engine.plugins import load_registry
    from dcbench.engine.store.layout import Layout
    from dcbench.engine.work.jobs import Order, carry_out
    from dcbench.engine.work.runtime import prepare_process

    try:
        order = Order.model_validate_json(line)
        _print_into(Layout(order.results).log(order.job))
        prepare_process(order.runtime)
        path = carry_out(order, load_registry(), channel.report)
    except BaseException as error:
        message = str(error) if not isinstance(error, SystemExit) else f"the plug-in called sys.exit({error})"
        channel.send("failed", error=type(error).__name__, message=message, traceback=traceback.format_exc())
    else:
        channel.send("finished", file=str(path))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _print_into(log: Path) -> None:
    """Let everything that this process prints, native libraries included, go into *log*."""
    log.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


if __name__ == "__main__":
    main()
