"""From the start of a worker to the first step of its job."""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.case import Call, Case
from dcbench.engine.executors.local import LocalExecutor
from dcbench.engine.executors.schedule import Progressed, Schedule
from dcbench.engine.plan.request import make_request
from dcbench.session import open_session

if TYPE_CHECKING:
    from dcbench.engine.work.runtime import Runtime


@dataclass(frozen=True, kw_only=True)
class WorkerStart(Case):
    """A fresh worker process that condenses ``digits`` with M3D, until it reports its first step; then it is ended."""

    gpu_warm_up: int = 1

    def fast(self, runtime: Runtime) -> Call:
        """Return the start as a run does it; the planning of the front end is done before."""
        with tempfile.TemporaryDirectory() as folder:
            request = make_request(methods="m3d", datasets="digits", ipc=1, device=runtime.device, results=folder)
            with open_session(request) as prepared:
                work = prepared.pending.work

        def start() -> None:
            with (
                tempfile.TemporaryDirectory() as folder,
                closing(LocalExecutor([runtime], Path(folder), request.data)) as executor,
            ):
                next(event for event in executor.run(Schedule(work)) if isinstance(event, Progressed))

        return start


CASES = (WorkerStart(name="worker-start", what="m3d on digits, until its first step is reported"),)
