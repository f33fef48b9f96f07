"""The local executor: one worker process per slot, plain subprocesses, and a clear end for each of them."""

from __future__ import annotations

import os
import secrets
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from dcbench.api.errors import CaptureFailedError
from dcbench.engine.executors.schedule import Event, Failed, Finished, Progressed, Schedule, Started
from dcbench.engine.store.failures import Failure
from dcbench.engine.store.store import Store
from dcbench.engine.work.messages import (
    Advanced,
    Began,
    Ended,
    InvalidEventError,
    Lines,
    Made,
    Raised,
    Stopped,
    WorkerEvent,
    read_worker_event,
)
from dcbench.engine.work.processes import kill_marked
from dcbench.engine.work.run_job import Order
from dcbench.engine.work.worker import STOP

if TYPE_CHECKING:
    from dcbench.engine.jobs import Job
    from dcbench.engine.work.runtime import Runtime

_TICK = 0.25  # seconds between looks at clocks and processes
_START = 120.0  # seconds a worker has to import what it needs; the time of a job counts from its own start
_MOST_BLOCKS = 16  # of 64 KiB, read at once: a worker that never stops writing must not keep the others waiting
_GRACE = 5.0  # seconds a worker has to end by itself


class LocalExecutor:
    """Runs jobs on this machine, at most one per slot at a time."""

    def __init__(
        self,
        slots: Sequence[Runtime],
        results: Path,
        data: Path,
        timeout: float | None = None,
        *,
        strict: bool = False,
    ) -> None:
        """Use one worker for each runtime in *slots*; end a job after *timeout* seconds.

        A job whose steps cannot be captured is done again without a capture, unless the run is *strict*.
        """
        self._slots = [
            _Slot(number, runtime, results, data, timeout, strict=strict) for number, runtime in enumerate(slots)
        ]

    def run(self, schedule: Schedule) -> Iterator[Event]:
        """Yield events until every job of *schedule* has finished, failed, or been given up.

        Closing the iterator ends every worker at once; whole files stay, parts do not.
        """
        try:
            while True:
                for slot in self._slots:
                    if slot.job is None and (job := schedule.take()) is not None:
                        slot.begin(job)
                        yield Started(job, slot.number)
                busy = [slot for slot in self._slots if slot.job is not None]
                if not busy:
                    return
                for event in _wait(busy):
                    yield _settle(event, schedule)
        finally:
            self.close()

    def close(self) -> None:
        """End every worker, and with it what it runs."""
        for slot in self._slots:
            slot.hang_up()
        for slot in self._slots:
            slot.end()


def _settle(event: Event, schedule: Schedule) -> Event:
    if isinstance(event, Finished):
        schedule.finish(event.job)
    if isinstance(event, Failed):
        return Failed(event.job, event.slot, event.failure, schedule.fail(event.job))
    return event


def _wait(slots: Sequence[_Slot]) -> list[Event]:
    """Wait a tick for any of *slots* to say something; return what it meant."""
    with selectors.DefaultSelector() as selector:
        for slot in slots:
            selector.register(slot.output, selectors.EVENT_READ, slot)
        spoke = [key.data for key, _ in selector.select(_TICK)]
    return [event for slot in slots for event in slot.listen(spoke=slot in spoke)]


def _stamp(path: Path) -> tuple[int, int] | None:
    """Return what tells the file at *path* from one that replaces it; None if there is none."""
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_ino, about.st_mtime_ns


class _Slot:
    """One worker process and the job it has."""

    def __init__(
        self,
        number: int,
        runtime: Runtime,
        results: Path,
        data: Path,
        timeout: float | None,
        *,
        strict: bool = False,
    ) -> None:
        self.number, self.job = number, None  # type: int, Job | None
        self._strict, self._fallback = strict, ""
        self._runtime, self._results, self._data, self._timeout = runtime, results, data, timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._complaints: IO[bytes] | None = None
        self._lines = Lines()
        self._store = Store(results)
        self._before: tuple[int, int] | None = None
        self._mark = ""  # in the environment of the worker, and of all that it starts
        self._outcome: Event | None = None
        self._started = self._deadline = 0.0
        self._stopping = False

    @property
    def output(self) -> IO[bytes]:
        """The pipe that the worker's events come through."""
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout

    def begin(self, job: Job) -> None:
        """Hand *job* to the worker, which is started if there is none."""
        self._order(job, self._runtime)

    def _order(self, job: Job, runtime: Runtime, fallback: str = "") -> None:
        """Hand over *job*, to be run with *runtime*; *fallback* says why, if that is not the one of the slot."""
        if self._process is None or self._process.poll() is not None:
            self._start()
        self.job, self._outcome, self._stopping, self._fallback = job, None, False, fallback
        self._before = _stamp(self._store.result(job))
        self._started = time.monotonic()
        self._deadline = self._started + _START + self._timeout if self._timeout else float("inf")
        order = Order(
            job=job,
            results=self._results,
            data=self._data,
            runtime=runtime,
            strict=self._strict,
            fallback=fallback,
        )
        self._write(order.model_dump_json())

    def listen(self, *, spoke: bool) -> list[Event]:
        """Return what has happened to the job: read the pipe if the worker *spoke*, and look at the clock."""
        events = self._read() if spoke else []
        if self.job is not None and self._process is not None and self._process.poll() is not None:
            events += self._read() + self._lost()
        if self.job is not None and time.monotonic() > self._deadline:
            events += self._stop()
        return events

    def hang_up(self) -> None:
        """Close the worker's standard input; it exits on EOF."""
        if self._process is not None and self._process.stdin is not None and not self._process.stdin.closed:
            with suppress(BrokenPipeError):
                self._process.stdin.close()

    def end(self) -> None:
        """Wait for the worker to end; after a grace, kill it."""
        if self._process is None:
            return
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._kill()
        self.output.close()
        if self._complaints is not None:
            self._complaints.close()
        self._process = None

    def _start(self) -> None:
        self.hang_up()
        self.end()
        self._lines = Lines()
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the worker)
        threads = str(self._runtime.threads)
        self._mark = f"DCBENCH_WORKER={os.getpid()}-{secrets.token_hex(8)}"
        name, _, value = self._mark.partition("=")
        self._process = subprocess.Popen(
            # -P: the folder the user stands in must not shadow modules
            [sys.executable, "-P", "-m", "dcbench.engine.work.worker", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            env=os.environ | {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, name: value},
            start_new_session=True,  # Ctrl-C reaches the front end alone, which then ends the workers in order
        )
        os.set_blocking(self.output.fileno(), False)

    def _write(self, line: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # a worker that is gone is noticed when its pipe is read
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()

    def _read(self) -> list[Event]:
        """Read what the worker has said and return the events of the job."""
        events: list[Event] = []
        try:
            for _ in range(_MOST_BLOCKS):
                block = os.read(self.output.fileno(), 1 << 16)
                for line in self._lines.feed(block):
                    events += self._understand(read_worker_event(line))
                if not block:
                    break
        except BlockingIOError:
            pass
        except InvalidEventError as error:
            self._kill()
            if self.job is not None:
                events += self._conclude(
                    self._failed("InvalidEvent", f"the worker process said what it must not: {error}")
                )
        return events

    def _understand(self, said: WorkerEvent) -> list[Event]:
        if self.job is None:
            return []
        job = self.job
        match said:
            case Began():
                self._started = time.monotonic()
                self._deadline = self._started + self._timeout if self._timeout else float("inf")
            case Advanced():
                return [Progressed(job, self.number, said.step, said.total, said.metrics, said.doing)]
            case Made():
                self._outcome = Finished(job, self.number, Path(said.file), self._seconds(), tuple(said.fallbacks))
            case Raised():
                failure = Failure(said.error, said.message, said.traceback, self._seconds())
                self._outcome = Failed(job, self.number, failure)
            case Stopped():
                return self._conclude(self._outcome or self._late())
            case Ended():
                return self._conclude(self._outcome or self._died(said.signal, said.code))
        return []

    def _late(self) -> Failed:
        return self._failed(
            "Timeout", f"the job took longer than the {self._timeout:g} second{'s' * (self._timeout != 1)} of --timeout"
        )

    def _died(self, signal: str, code: int) -> Failed:
        if signal == "SIGKILL":
            return self._failed("Killed", "the job was killed (SIGKILL): by hand, or because memory ran out")
        if signal:
            return self._failed("Killed", f"the job crashed ({signal}) in compiled code; the end of its log says where")
        return self._failed("Killed", f"the job ended with code {code}; the end of its log may say why")

    def _lost(self) -> list[Event]:
        """The worker itself is gone: say so, unless the job had ended before."""
        if self.job is None:
            return []
        assert self._process is not None
        assert self._complaints is not None
        kill_marked(self._mark)  # what it has left behind
        self._complaints.seek(0)
        said = self._complaints.read().decode(errors="replace").strip()
        last = f": {said.splitlines()[-1]}" if said else ""
        code = self._process.returncode
        how = f"signal {-code}" if code < 0 else f"code {code}"
        return self._conclude(
            self._outcome or self._failed("Killed", f"the worker process ended with {how}{last}", said)
        )

    def _stop(self) -> list[Event]:
        """Ask the worker to stop the job; if it does not answer in time, end the worker as well."""
        assert self._process is not None
        if not self._stopping:
            self._stopping = True
            self._deadline = time.monotonic() + _GRACE
            self._write(STOP)
            return []
        self._kill()
        return self._conclude(self._outcome or self._late())

    def _kill(self) -> None:
        """End the worker: by a signal that lets it take along what its job has started, and after a grace by force."""
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            kill_marked(self._mark)

    def _conclude(self, event: Event) -> list[Event]:
        if isinstance(event, Finished) and (doubt := self._doubt(event)):
            event = self._failed("InvalidEvent", doubt)
        if isinstance(event, Failed) and self._may_run_eagerly(event):
            # In a fresh process: after a capture that failed, the GPU may report errors of that one to later calls.
            reason = f"steps ran eagerly: {event.failure.message}"
            self._order(event.job, self._runtime.model_copy(update={"capture": False}), reason)
            return []
        self.job = None
        return [event]

    def _may_run_eagerly(self, event: Failed) -> bool:
        """Return whether a capture has failed for the first time, and the run takes eager steps for it."""
        return event.failure.error == CaptureFailedError.__name__ and not (self._strict or self._fallback)

    def _doubt(self, event: Finished) -> str:
        """Return why the file of *event* is not the result that was planned; empty if it is."""
        planned = self._store.result(event.job)
        found = _stamp(planned)
        if event.file != planned:
            return f"the job says that it has made {event.file}; it was to make {planned}"
        if found is None:
            return f"the job says that it has finished, and {planned} is not there"
        # What was assembled may be there already, by another front end; whatever else is made replaces what was there.
        if found == self._before and event.job.type != "assemble":
            return f"the job says that it has finished, and {planned} is the file that was there before"
        return ""

    def _failed(self, error: str, message: str, traceback: str = "") -> Failed:
        assert self.job is not None
        return Failed(self.job, self.number, Failure(error, message, traceback, self._seconds()))

    def _seconds(self) -> float:
        return time.monotonic() - self._started
