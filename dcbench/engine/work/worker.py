"""The worker: a process that imports what is slow to import once, and then runs each job in a child of its own.

An executor starts it as ``python -m dcbench.engine.work.worker PARENT``, with its own process id. Orders come in on
standard input, one JSON object a line; events go out on standard output the same way. On Linux each job is a forked
child, so that a job which crashes, leaks or changes global state harms no other; elsewhere the worker runs one job
itself and ends. The worker ends when its standard input closes, and on Linux also by a signal when its parent dies, so
it never outlives the front end, and it takes along all that a job has started.

Orders may also come from a file (``worker < orders.jsonl``): they are run one after the other, and its end ends nothing
but the worker.

What a job can reach. Its code runs in the child, whose standard input is empty and whose output goes into its log. The
pipe to the front end is closed there. It has one pipe to the worker, for events of that job alone; the worker checks
each line, passes on what is an event of a job, and ends a job that writes anything else.
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
"""What a front end writes in the place of an order to end the job in work."""
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
            broken: ends this process; called where the other side is gone, or a plug-in has closed the descriptor.
        """
        self._descriptor, self._broken = descriptor, broken
        self._next_report = 0.0

    def send(self, event: str, **facts: Any) -> None:
        """Send one event."""
        self.forward(json.dumps({"event": event, **facts}).encode())

    def forward(self, line: bytes) -> None:
        """Send a line that is an event already."""
        line += b"\n"
        try:
            while line:
                line = line[os.write(self._descriptor, line) :]
        except OSError:
            self._broken()

    def report(self, step: int, total: int, metrics: Mapping[str, float], doing: str = "") -> None:
        """Send progress, but not more often than a person can read."""
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
        # A file can always be read, so that it tells nothing of who wrote it.
        self.live = not stat.S_ISREG(os.fstat(0).st_mode)
        """Whether the other end is a process, which may ask for a stop or hang up while a job is in work."""

    def next(self) -> str | None:
        """Wait for the next line; None when the front end has closed the pipe."""
        while not self._waiting:
            if not self._read():
                return None
        return self._waiting.popleft()

    def word(self, *, readable: bool) -> Literal["", "stop", "end"]:
        """Return what came while a job is in work: the word to stop, the end of the pipe, or only further orders.

        Args:
            readable: whether there is something to read; what was read with the order counts in any case.
        """
        if readable and not self._read():
            return "end"
        if self.live and STOP in self._waiting:
            self._waiting.remove(STOP)
            return "stop"
        return ""

    def _read(self) -> bool:
        """Read what is there, and wait until something is; False at the end."""
        block = os.read(0, _BLOCK)
        self._waiting.extend(line.decode(errors="replace") for line in self._lines.feed(block))
        return bool(block)


def _leave(*_: object) -> None:
    """End this process, and with it all that its job has started."""
    if CAN_FORK:
        end_children()
    os._exit(0)


def main(parent: int | None = None) -> None:
    """Serve orders until the front end is gone.

    Args:
        parent: process id of the front end, which may die at any time, this one included; None if it was not said.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the front end, which then closes the pipe
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # until there is a job to take along
    if CAN_FORK and parent is not None:
        die_with_parent(parent, signal.SIGTERM)
    channel = Channel(os.dup(1), _leave)
    os.dup2(2, 1)  # what a plug-in prints must not look like an event
    faulthandler.enable()  # a crash in compiled code leaves the lines of Python that led to it in the job's log
    _import_what_is_slow()
    orders = Orders()
    if CAN_FORK:
        adopt_orphans()
        signal.signal(signal.SIGTERM, _leave)
    channel.send("ready")
    while (line := orders.next()) is not None:
        if line == STOP:  # the job it was meant for has just ended by itself
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

    commit()  # now, when the code is read, and once for all jobs


class _Child:
    """One job in a process of its own, and the pipe that its events come through."""

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
        # Both sides do it, so that the group is there whichever comes first: a stop may come right away.
        with suppress(OSError):
            os.setpgid(self._pid, self._pid)
        os.close(writing)
        os.set_blocking(self._events, False)

    def run(self, orders: Orders) -> None:
        """See the job through to its end, or to that of the front end; say how it ended."""
        word = self._wait(orders)
        if word == "end":
            _leave()
        code = os.waitstatus_to_exitcode(self._end())
        if word == "stop":
            self._channel.send("stopped")
        else:
            self._channel.send("ended", signal=signal.Signals(-code).name if code < 0 else "", code=code)

    def _wait(self, orders: Orders) -> Literal["", "stop", "end"]:
        """Pass on events until the child ends or is to end; return the word of the front end, if that is why."""
        inputs = [self._events, *([0] if orders.live else [])]
        while self._credible and not self._has_ended():
            came = select.select(inputs, [], [], _TICK)[0]
            if self._events in came and not self._pass_on():
                inputs.remove(self._events)
            if word := orders.word(readable=0 in came):
                return word
        return ""

    def _has_ended(self) -> bool:
        """Say whether the child has ended. It is left a zombie, so that its id is not yet that of another process."""
        return os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _end(self) -> int:
        """Kill the child if it lives, and what it has started; pass on what it had said, and return how it ended."""
        kill_group(self._pid)
        os.kill(self._pid, signal.SIGKILL)  # where it does not lead a group, whatever it did
        _, status = os.waitpid(self._pid, 0)
        end_children()
        for _ in range(_MOST_BLOCKS):
            if not self._pass_on():
                break
        os.close(self._events)
        return status

    def _pass_on(self) -> bool:
        """Pass on what the child has said, as long as it is events; False if there is nothing left to read."""
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
    """Carry out one order; say how it ended."""
    from dcbench.api.ran import recording
    from dcbench.engine.registry import load_registry
    from dcbench.engine.store.store import Store
    from dcbench.engine.work.devices import prepare_process
    from dcbench.engine.work.messages import told
    from dcbench.engine.work.run_job import Order, run_job

    try:
        order = Order.model_validate_json(line)
        _print_into(Store(order.results).log(order.job))
        prepare_process(order.runtime)
        with recording(strict=order.strict, fallbacks=filter(None, [order.fallback])) as record:
            path = run_job(order, load_registry(), channel.report)
    except BaseException as error:
        channel.send("failed", **told(error, traceback.format_exc()))
    else:
        channel.send("finished", file=str(path), fallbacks=record.fallbacks)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _print_into(log: Path) -> None:
    """Let everything that this process prints, native libraries included, go into *log*."""
    from dcbench.engine.store.guards import check_is_file

    log.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        check_is_file(log, "is in the place of the job's log and must be moved away")
    # Should a pipe come there now, this fails; without O_NONBLOCK it would wait for a reader for ever.
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(log, flags, 0o666)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
