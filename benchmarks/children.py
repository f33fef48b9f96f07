"""The two processes that measure: a plain one for literal twins, and one set up like a worker for fast paths.

On a CPU about half the time of these networks goes into page faults of large temporaries. A worker of the bench sets
the allocator to keep freed memory; the published codes run in a process without this setting. So each path has a
process of its own for the whole run, and one of the two works at a time.
"""

from __future__ import annotations

import gc
import math
import multiprocessing
import signal
import traceback
from typing import TYPE_CHECKING, Any, Self

import torch

from benchmarks.machine import Ceilings, describe, seconds
from dcbench.engine.work.devices import prepare_process
from dcbench.engine.work.runtime import plan_slots

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from benchmarks.case import Call, Case, PathName

_ROUND_SECONDS = 0.2  # a round repeats what is faster than this
_SLOW_SECONDS = 1.0  # on a CPU, one call is enough of a warm-up for a case that takes longer


class ChildError(Exception):
    """A call in a child failed. The text is the traceback."""


class Measurer:
    """The methods that a child runs for its parent. It holds one case at a time."""

    def __init__(self, path: PathName, device: str) -> None:
        """Run *path* on *device*; the fast path has the settings of a worker that is alone on the machine."""
        self._path = path
        self._runtime = plan_slots(device, jobs=1, waiting=1, deterministic=False)[0]
        self._device = torch.device(self._runtime.device)
        if path == "fast":
            prepare_process(self._runtime)
        self._ceilings: Ceilings | None = None
        self._call: Call | None = None
        self._calls = 1

    def facts(self) -> dict[str, Any]:
        """Return the machine as this process sees it."""
        return describe(self._runtime) | {"threads": torch.get_num_threads()}

    def ceilings(self) -> dict[str, float]:
        """Measure the rates of the machine, now."""
        self._ceilings = self._ceilings or Ceilings(self._device)
        return self._ceilings.measure()

    def prepare(self, case: Case) -> bool:
        """Build the call of *case* and warm it up; return whether there is one."""
        self._release()
        call = self._call = case.fast(self._runtime) if self._path == "fast" else case.literal(self._runtime)
        if call is None:
            return False
        gpu = self._device.type == "cuda"
        once = seconds(call, case.gpu_warm_up if gpu else 1, self._device)
        if gpu or once < _SLOW_SECONDS:  # the first call compiles, and touches memory for the first time
            once = seconds(call, 1, self._device)
        self._calls = max(1, math.ceil(_ROUND_SECONDS / once))
        return True

    def measure(self) -> float:
        """Return the seconds of one call, averaged over a round."""
        assert self._call is not None
        return seconds(self._call, self._calls, self._device)

    def _release(self) -> None:
        """Free the memory of the last case: on a GPU the other process needs it."""
        self._call = None
        gc.collect()
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
            torch.compiler.reset()  # torch compiles a function for a few networks only; after that it would run eagerly


class Child:
    """A process with a `Measurer`, called through a pipe. As a context manager it ends when the block ends."""

    def __init__(self, path: PathName, device: str) -> None:
        """Start the process."""
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, path, device), daemon=True)
        self._process.start()
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._process.terminate()  # it may be in a call whose result is not needed any more
        self._process.join()

    def call(self, what: str, *arguments: Any) -> Any:
        """Return what the method *what* of the `Measurer` returns.

        Raises:
            ChildError: the method raised an error, or the process has died.
        """
        try:
            self._connection.send((what, arguments))
            succeeded, result = self._connection.recv()
        except (EOFError, ConnectionError) as error:
            self._process.join()
            raise ChildError(f"the process died with exit code {self._process.exitcode}") from error
        if not succeeded:
            raise ChildError(result)
        return result


def _serve(connection: Connection, path: PathName, device: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # on Ctrl-C the parent ends its children
    import benchmarks.cases  # noqa: F401  (both children import at the same time, before the first case)

    measurer: Measurer | None = None
    while True:
        try:
            what, arguments = connection.recv()
        except EOFError:  # the parent has closed its end of the pipe, or has died
            return
        try:
            measurer = measurer or Measurer(path, device)
            result = (True, getattr(measurer, what)(*arguments))
        except Exception:
            result = (False, traceback.format_exc())
        connection.send(result)
