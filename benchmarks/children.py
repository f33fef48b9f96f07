"""The two processes that measure: one runs literal twins in a plain process, the other fast paths in one like a worker.

About half the time of these networks on a CPU is the kernel handing out fresh pages for large temporaries. A worker of
the bench tells the allocator to keep what was freed; the published codes run in a process that does not. So each path
has a process of its own, which lives through the whole run, and only one of the two works at a time.
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
from dcbench.engine.work.runtime import plan_slots, prepare_process

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from benchmarks.case import Call, Case, PathName

_ROUND_SECONDS = 0.2  # a round repeats what is faster than this
_SLOW_SECONDS = 1.0  # on a CPU, one call of what takes longer is warming up enough


class ChildError(Exception):
    """A child could not do what it was asked to. The text is the traceback."""


class Measurer:
    """What a child does. It holds one case at a time."""

    def __init__(self, path: PathName, device: str) -> None:
        """Run *path* on *device*; the fast path gets the process of a worker that has the machine for itself."""
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
        if gpu or once < _SLOW_SECONDS:  # compiling, or memory touched for the first time, says little of a later call
            once = seconds(call, 1, self._device)
        self._calls = max(1, math.ceil(_ROUND_SECONDS / once))
        return True

    def measure(self) -> float:
        """Return the seconds of one call, averaged over a round."""
        assert self._call is not None
        return seconds(self._call, self._calls, self._device)

    def _release(self) -> None:
        """Give back the memory of the last case: on a GPU the other process needs it."""
        self._call = None
        gc.collect()
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
            torch.compiler.reset()  # it compiles one piece of code for a few networks only, and then runs it as it is


class Child:
    """A process with a `Measurer`, asked from outside. Ends with the block it is opened in."""

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
        self._process.terminate()  # it may be in the middle of a call that nobody waits for any more
        self._process.join()

    def ask(self, what: str, *arguments: Any) -> Any:
        """Return what the method *what* of the `Measurer` returns.

        Raises:
            ChildError: it raised, or the process has died.
        """
        try:
            self._connection.send((what, arguments))
            succeeded, answer = self._connection.recv()
        except (EOFError, ConnectionError) as error:
            self._process.join()
            raise ChildError(f"the process died with exit code {self._process.exitcode}") from error
        if not succeeded:
            raise ChildError(answer)
        return answer


def _serve(connection: Connection, path: PathName, device: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then ends its children
    import benchmarks.cases  # noqa: F401  (both children at the same time, and not when the first case comes)

    measurer: Measurer | None = None
    while True:
        try:
            what, arguments = connection.recv()
        except EOFError:  # the parent has closed its end, or is gone
            return
        try:
            measurer = measurer or Measurer(path, device)
            answer = (True, getattr(measurer, what)(*arguments))
        except Exception:
            answer = (False, traceback.format_exc())
        connection.send(answer)
