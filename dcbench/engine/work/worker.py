"""The worker: a process that imports what is slow to import once, and then runs each job in a child of its own.

An executor starts it as ``python -m dcbench.engine.work.worker PARENT``, with its own process id. It reads orders from
standard input, one JSON object a line, and writes events to standard output in the same way. On Linux each job is a
forked child: a job that crashes, leaks or changes global state harms no other. Elsewhere the worker runs one job itself
and ends. The worker exits when its standard input closes. On Linux the kernel also sends it a signal when its parent
dies. So it never outlives the front end, and it ends all processes that a job has started.

Orders may also come from a file (``worker < orders.jsonl``). They run one after the other. The end of the file does not
stop a job; the worker exits after the last one.

What a job can reach: its code runs in the child, whose standard input is empty and whose output goes into its log. The
pipe to the front end is closed there. The child has one pipe to the worker, for events of that job alone. The worker
checks each line, forwards events of a job, and ends a job that writes anything else.
"""

from __future__ import annotations

import faulthandler
import json
import os
import select
import signal
import stat
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from dcbench.engine.work.processes import adopt_orphans, die_with_parent, end_children, kill_group, leave_standard_input

CAN_FORK = sys.platform == "linux"  # elsewhere forking after native libraries were loaded is not safe
STOP = "stop"
"""The line that a front end writes in place of an order, to end the running job."""
_TICK = 0.02  # seconds between looks at the child
_REPORTS_A_SECOND = 10
_BLOCK = 1 << 16
_MOST_BLOCKS = 64  # that a pipe can hold: 4 MiB
_LONGEST_ORDER = 1 << 26


class Channel:
    """Writes events as lines to a file descriptor."""

    def __init__(self, descriptor: int, broken: Callable[[], None]) -> None:
        """Write to *descriptor*, which no other process writes to at the same time.

        Args:
            descriptor: where lines go.
            broken: ends this process; called when a write fails: the reader has exited, or a plug-in has closed the
                descriptor.
        """
        self._descriptor, self._broken = descriptor, broken
        self._next_report = 0.0

    def send(self, event: str, **facts: Any) -> None:
        """Send one event."""
        self.forward(json.dumps({"event": event, **facts}).encode())

    def forward(self, line: bytes) -> None:
        """Write a line that is an event already."""
        line += b"\n"
        try:
            while line:
                line = line[os.write(self._descriptor, line) :]
        except OSError:
            self._broken()

    def report(self, step: int, total: int, metrics: Mapping[str, float], doing: str = "") -> None:
        """Send progress, at most `_REPORTS_A_SECOND` times a second: each report costs the front end time."""
        now = time.monotonic()
        if now >= self._next_report or step >= total:
            self._next_report = now + 1 / _REPORTS_A_SECOND
            more = {"doing": doing} if doing else {}
            self.send("progress", step=step, total=total, metrics=dict(metrics), **more)

    def close(self) -> None:
        """Close it in this process."""
        os.close(self._descriptor)


class Orders:
    """Reads lines from standard input without a buffer that a child would inherit."""

    def __init__(self) -> None:
        """Start with nothing read."""
        from dcbench.engine.work.messages import Lines

        self._lines = Lines(_LONGEST_ORDER)
        self._waiting: deque[str] = deque()
        # `select` always reports a file as readable, so that its end does not show that the front end has exited.
        self.live = not stat.S_ISREG(os.fstat(0).st_mode)
        """Whether a process writes the orders: it may order a stop, or close the pipe, while a job runs."""

    def next(self) -> str | None:
        """Wait for the next line and return it; None when the front end has closed the pipe."""
        while not self._waiting:
            if not self._read():
                return None
        return self._waiting.popleft()

    def interruption(self, *, readable: bool) -> Literal["", "stop", "end"]:
        """Return what ends the running job: an order to stop, the end of the pipe, or neither.

        Args:
            readable: whether there is something to read. Lines that were read together with the order count too.
        """
        if readable and not self._read():
            return "end"
        if self.live and STOP in self._waiting:
            self._waiting.remove(STOP)
            return "stop"
        return ""

    def _read(self) -> bool:
        """Wait for input and read it; return False at the end of the input."""
        block = os.read(0, _BLOCK)
        self._waiting.extend(line.decode(errors="replace") for line in self._lines.feed(block))
        return bool(block)


def _leave(*_: object) -> None:
    """End all processes that a job has started, then this one."""
    if CAN_FORK:
        end_children()
    os._exit(0)


def main(parent: int | None = None) -> None:
    """Serve orders until the front end is gone.

    Args:
        parent: process id of the front end; None if it was not given. It was taken before this process started, since
            the front end may die at any time.
    """
    # Ctrl-C is for the front end, which then closes the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # until there are processes of a job to end
    if CAN_FORK and parent is not None:
        die_with_parent(parent, signal.SIGTERM)
    channel = Channel(os.dup(1), _leave)
    # From here on standard output is standard error: what a plug-in prints must not be read as an event.
    os.dup2(2, 1)
    faulthandler.enable()  # a crash in compiled code leaves the lines of Python that led to it in the job's log
    _import_what_is_slow()
    orders = Orders()
    if CAN_FORK:
        adopt_orphans()
        signal.signal(signal.SIGTERM, _leave)
    channel.send("ready")
    while (line := orders.next()) is not None:
        if line == STOP:  # it was for a job that has just ended by itself
            continue
        channel.send("started")
        if CAN_FORK:
            _Child(line, channel).run(orders)
        else:
            _run(line, channel)
            return


def _import_what_is_slow() -> None:
    import dcbench.engine.work.run_job  # noqa: F401  (brings torch, h5py and pydantic)
    from dcbench.engine.work.provenance import commit

    # Now, when the code is imported: a checkout may change while the worker runs.
    commit()


class _Child:
    """One job in a process of its own, and the pipe with its events."""

    def __init__(self, line: str, channel: Channel) -> None:
        """Fork, and run the order *line* in the child."""
        from dcbench.engine.work.messages import Lines

        self._channel, self._lines = channel, Lines()
        self._credible = True
        self._events, writing = os.pipe()
        worker = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                _become_a_job(worker)
                channel.close()
                os.close(self._events)
                _run(line, Channel(writing, lambda: os._exit(1)))
            finally:
                os._exit(0)
        # Parent and child both make the group, so that it is there whichever runs first: a stop may follow at once.
        with suppress(OSError):
            os.setpgid(self._pid, self._pid)
        os.close(writing)
        os.set_blocking(self._events, False)

    def run(self, orders: Orders) -> None:
        """Wait for the end of the job, or of the front end, and send how the job ended."""
        cause = self._wait(orders)
        if cause == "end":
            _leave()
        code = os.waitstatus_to_exitcode(self._end())
        if cause == "stop":
            self._channel.send("stopped")
        else:
            self._channel.send("ended", signal=signal.Signals(-code).name if code < 0 else "", code=code)

    def _wait(self, orders: Orders) -> Literal["", "stop", "end"]:
        """Forward events until the child has ended or must end; return the order of the front end that is the cause."""
        inputs = [self._events, *([0] if orders.live else [])]
        while self._credible and not self._has_ended():
            came = select.select(inputs, [], [], _TICK)[0]
            if self._events in came and not self._pass_on():
                inputs.remove(self._events)
            if cause := orders.interruption(readable=0 in came):
                return cause
        return ""

    def _has_ended(self) -> bool:
        """Return whether the child has ended. WNOWAIT leaves it a zombie: its id stays reserved until it is reaped."""
        return os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _end(self) -> int:
        """Kill the child and what it has started, forward its last events, and return its wait status."""
        kill_group(self._pid)
        os.kill(self._pid, signal.SIGKILL)  # the job may have left its group
        _, status = os.waitpid(self._pid, 0)
        end_children()
        for _ in range(_MOST_BLOCKS):
            if not self._pass_on():
                break
        os.close(self._events)
        return status

    def _pass_on(self) -> bool:
        """Forward what the child has written, as long as it is events; False if there is nothing left to read."""
        from dcbench.engine.work.messages import InvalidEventError, read_job_event

        try:
            block = os.read(self._events, _BLOCK)
        except BlockingIOError:
            return False
        try:
            for line in self._lines.feed(block) if self._credible else ():
                read_job_event(line)
                self._channel.forward(line)
        except InvalidEventError as error:
            self._credible = False
            message = f"the job wrote to the pipe that its events go through: {error}"
            self._channel.send("failed", error="InvalidEvent", message=message, traceback="")
        return bool(block)


def _become_a_job(worker: int) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.setpgid(0, 0)
    die_with_parent(worker)
    leave_standard_input()


def _run(line: str, channel: Channel) -> None:
    """Run one order and send how it ended."""
    from dcbench.api.ran import recording
    from dcbench.engine.registry import load_registry
    from dcbench.engine.store.store import Store
    from dcbench.engine.work.devices import prepare_process
    from dcbench.engine.work.messages import describe_error
    from dcbench.engine.work.run_job import Order, run_job

    try:
        order = Order.model_validate_json(line)
        _print_into(Store(order.results).log(order.job))
        prepare_process(order.runtime)
        with recording(strict=order.strict, fallbacks=filter(None, [order.fallback])) as record:
            path = run_job(order, load_registry(), channel.report)
    except BaseException as error:
        channel.send("failed", **describe_error(error, traceback.format_exc()))
    else:
        channel.send("finished", file=str(path), fallbacks=record.fallbacks)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _print_into(log: Path) -> None:
    """Redirect all output of this process, that of native libraries included, into *log*."""
    from dcbench.engine.store.guards import check_is_file

    log.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        check_is_file(log, "is in the place of the job's log and must be moved away")
    # If a pipe takes the place of the log now, the open fails; without O_NONBLOCK it would block until a reader comes.
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(log, flags, 0o666)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
