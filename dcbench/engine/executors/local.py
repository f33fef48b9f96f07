"""The local executor: one worker process per slot, a plain subprocess that always ends."""

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
_START = 120.0  # seconds that a worker may take for its imports; the time of a job counts from its own start
_MOST_BLOCKS = 16  # of 64 KiB, read at once: a worker that writes without end must not delay the other slots
_GRACE = 5.0  # seconds before a worker that should exit is killed


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
        """Yield events until every job of *schedule* has finished, has failed, or was skipped.

        Closing the iterator ends every worker at once. Finished files stay; temporary files do not.
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
                    yield _update(event, schedule)
        finally:
            self.close()

    def close(self) -> None:
        """End every worker, and with it what it runs."""
        # First all pipes are closed, then each process is awaited: the workers end at the same time.
        for slot in self._slots:
            slot.close_input()
        for slot in self._slots:
            slot.end()


def _update(event: Event, schedule: Schedule) -> Event:
    """Release or give up the jobs of *schedule* that depend on the job of *event*."""
    if isinstance(event, Finished):
        schedule.finish(event.job)
    if isinstance(event, Failed):
        return Failed(event.job, event.slot, event.failure, schedule.fail(event.job))
    return event


def _wait(slots: Sequence[_Slot]) -> list[Event]:
    """Wait at most a tick for output of the workers of *slots*; return the events of their jobs."""
    with selectors.DefaultSelector() as selector:
        for slot in slots:
            selector.register(slot.output, selectors.EVENT_READ, slot)
        readable = [key.data for key, _ in selector.select(_TICK)]
    return [event for slot in slots for event in slot.poll(readable=slot in readable)]


def _stamp(path: Path) -> tuple[int, int] | None:
    """Return inode and time of the file at *path*, which differ once another file replaces it; None without a file."""
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_ino, about.st_mtime_ns


class _Slot:
    """One worker process and the job that it runs."""

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
        self._stderr: IO[bytes] | None = None
        self._lines = Lines()
        self._store = Store(results)
        self._before: tuple[int, int] | None = None
        self._mark = ""  # in the environment of the worker, which every process below it inherits
        self._outcome: Event | None = None
        self._started = self._deadline = 0.0
        self._stopping = False

    @property
    def output(self) -> IO[bytes]:
        """The pipe with the events of the worker."""
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

    def poll(self, *, readable: bool) -> list[Event]:
        """Return the new events of the job: read the pipe if it is *readable*, then check the process and the clock."""
        events = self._read() if readable else []
        if self.job is not None and self._process is not None and self._process.poll() is not None:
            events += self._read() + self._worker_ended()
        if self.job is not None and time.monotonic() > self._deadline:
            events += self._stop()
        return events

    def close_input(self) -> None:
        """Close the worker's standard input; it exits on EOF."""
        if self._process is not None and self._process.stdin is not None and not self._process.stdin.closed:
            with suppress(BrokenPipeError):
                self._process.stdin.close()

    def end(self) -> None:
        """Wait until the worker exits; kill it if it takes longer than `_GRACE`."""
        if self._process is None:
            return
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._kill()
        self.output.close()
        if self._stderr is not None:
            self._stderr.close()
        self._process = None

    def _start(self) -> None:
        self.close_input()
        self.end()
        self._lines = Lines()
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the worker)
        threads = str(self._runtime.threads)
        self._mark = f"DCBENCH_WORKER={os.getpid()}-{secrets.token_hex(8)}"
        name, _, value = self._mark.partition("=")
        self._process = subprocess.Popen(
            # -P: a file in the working directory, such as random.py, must not shadow a module
            [sys.executable, "-P", "-m", "dcbench.engine.work.worker", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=os.environ | {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, name: value},
            # Ctrl-C sends SIGINT to the whole session. In a session of its own a worker does not get it, and the front
            # end ends the workers in order.
            start_new_session=True,
        )
        os.set_blocking(self.output.fileno(), False)

    def _write(self, line: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # the worker has exited; `poll` finds that
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()

    def _read(self) -> list[Event]:
        """Read what the worker has written and return the events of its job."""
        events: list[Event] = []
        try:
            for _ in range(_MOST_BLOCKS):
                block = os.read(self.output.fileno(), 1 << 16)
                for line in self._lines.feed(block):
                    events += self._handle(read_worker_event(line))
                if not block:
                    break
        except BlockingIOError:
            pass
        except InvalidEventError as error:
            self._kill()
            if self.job is not None:
                events += self._conclude(
                    self._failed("InvalidEvent", f"the worker process wrote what is not an event: {error}")
                )
        return events

    def _handle(self, event: WorkerEvent) -> list[Event]:
        """Return the events of the job that follow from *event* of the worker."""
        if self.job is None:
            return []
        job = self.job
        match event:
            case Began():
                self._started = time.monotonic()
                self._deadline = self._started + self._timeout if self._timeout else float("inf")
            case Advanced():
                return [Progressed(job, self.number, event.step, event.total, event.metrics, event.doing)]
            case Made():
                self._outcome = Finished(job, self.number, Path(event.file), self._seconds(), tuple(event.fallbacks))
            case Raised():
                failure = Failure(event.error, event.message, event.traceback, self._seconds())
                self._outcome = Failed(job, self.number, failure)
            case Stopped():
                return self._conclude(self._outcome or self._timed_out())
            case Ended():
                return self._conclude(self._outcome or self._killed(event.signal, event.code))
        return []

    def _timed_out(self) -> Failed:
        return self._failed(
            "Timeout", f"the job took longer than the {self._timeout:g} second{'s' * (self._timeout != 1)} of --timeout"
        )

    def _killed(self, signal: str, code: int) -> Failed:
        if signal == "SIGKILL":
            return self._failed("Killed", "the job was killed (SIGKILL): by hand, or because memory ran out")
        if signal:
            return self._failed(
                "Killed", f"the job crashed ({signal}) in compiled code; the end of its log shows where"
            )
        return self._failed("Killed", f"the job ended with code {code}; the end of its log may show why")

    def _worker_ended(self) -> list[Event]:
        """Return how the job ended after the worker has exited: its outcome if it has one, else a failure."""
        if self.job is None:
            return []
        assert self._process is not None
        assert self._stderr is not None
        # A worker that was killed has not ended the processes below it; they are found by their environment.
        kill_marked(self._mark)
        self._stderr.seek(0)
        written = self._stderr.read().decode(errors="replace").strip()
        last = f": {written.splitlines()[-1]}" if written else ""
        code = self._process.returncode
        how = f"signal {-code}" if code < 0 else f"code {code}"
        return self._conclude(
            self._outcome or self._failed("Killed", f"the worker process ended with {how}{last}", written)
        )

    def _stop(self) -> list[Event]:
        """Order the worker to stop the job; at the second call, after a grace, end the worker as well."""
        assert self._process is not None
        if not self._stopping:
            self._stopping = True
            self._deadline = time.monotonic() + _GRACE
            self._write(STOP)
            return []
        self._kill()
        return self._conclude(self._outcome or self._timed_out())

    def _kill(self) -> None:
        """End the worker.

        SIGTERM lets it end the processes that its job has started. SIGKILL, after a grace, does not, so that they are
        looked for afterwards.
        """
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            kill_marked(self._mark)

    def _conclude(self, event: Event) -> list[Event]:
        if isinstance(event, Finished) and (fault := self._fault_of(event)):
            event = self._failed("InvalidEvent", fault)
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

    def _fault_of(self, event: Finished) -> str:
        """Return why the file of *event* is not the result that was planned; empty if it is."""
        planned = self._store.result(event.job)
        found = _stamp(planned)
        if event.file != planned:
            return f"the job reports that it made {event.file}; it was to make {planned}"
        if found is None:
            return f"the job reports that it finished, and {planned} is not there"
        # Another front end may have assembled the same set before. The file of any other job replaces the former one.
        if found == self._before and event.job.type != "assemble":
            return f"the job reports that it finished, and {planned} is the file that was there before"
        return ""

    def _failed(self, error: str, message: str, traceback: str = "") -> Failed:
        assert self.job is not None
        return Failed(self.job, self.number, Failure(error, message, traceback, self._seconds()))

    def _seconds(self) -> float:
        return time.monotonic() - self._started
