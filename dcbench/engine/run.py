"""A run: from a request to finished files, with an event for each step."""

from __future__ import annotations

import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from dcbench.api.errors import RequestError
from dcbench.engine.executors.local import LocalExecutor
from dcbench.engine.executors.schedule import Event, Failed, Finished, Schedule
from dcbench.engine.identity import Cell
from dcbench.engine.jobs import CondenseJob, EvaluateJob, Job, job_title
from dcbench.engine.plan.pending import Pending, find_pending
from dcbench.engine.plan.planner import PlannedCell, Planner
from dcbench.engine.plan.request import Request
from dcbench.engine.progress import Announce, announce_nothing
from dcbench.engine.ranges import range_text
from dcbench.engine.registry import Registry
from dcbench.engine.store.atomic import set_aside, sweep
from dcbench.engine.store.evaluations import read_evaluation
from dcbench.engine.store.failures import Failure
from dcbench.engine.store.guards import UnreadableFileError
from dcbench.engine.store.store import Store
from dcbench.engine.work.runtime import name_ignored_threads, plan_slots, resolve_arithmetic


@dataclass(frozen=True)
class Prepared:
    """A request that was checked: its plan, and what of it is still to do."""

    request: Request
    registry: Registry
    store: Store
    plan: list[PlannedCell]
    pending: Pending


@dataclass
class Outcome:
    """How a run ended."""

    results: Path
    finished: int = 0
    """Jobs that were finished in this run."""
    failed: list[tuple[Job, Failure]] = field(default_factory=list)
    """Jobs that failed in this run."""
    skipped: int = 0
    """Jobs that could not run because one before them had failed."""
    failed_before: int = 0
    """Jobs that failed in an earlier run and were not tried again."""
    incomplete: list[str] = field(default_factory=list)
    """What is missing of each set that is made in parts, with what to do about it."""
    warnings: list[str] = field(default_factory=list)
    """What did not stop the run, such as a damaged file that was set aside, or an observer that raised."""

    fallbacks: dict[str, list[Job]] = field(default_factory=dict)
    """What was done in another way than it was asked for, such as eagerly: each reason, and the jobs it was for."""

    def fallback_warnings(self) -> list[str]:
        """Return a line for each of `fallbacks`."""
        return [
            f"{line} ({job_title(jobs[0])}{f', and {len(jobs) - 1:,} more' if jobs[1:] else ''})"
            for line, jobs in self.fallbacks.items()
        ]

    @property
    def ok(self) -> bool:
        """Whether all that was requested is there: every cell of the grid, or its part."""
        return not (self.failed or self.skipped or self.failed_before)


@contextmanager
def prepare(request: Request, registry: Registry, announce: Announce = announce_nothing) -> Iterator[Prepared]:
    """Check *request* and yield what is to do. A smoke run gets a store that is thrown away.

    *announce* is called with what begins, where it may take a while, and with how far it has come.

    Raises:
        RequestError: something is wrong with the request; nothing was started.
        UnsupportedFormatError: the store holds files of a newer format.
        UnreadableFileError: the store holds a file that cannot be read now; it may be whole.
    """
    arithmetic = resolve_arithmetic(request.device, request.precision)
    _check_folder(request.results)
    planner = Planner(request, registry, announce, arithmetic)
    plan = planner.cells()
    announce(f"looking for finished work in {request.results}")
    with _store(request) as root:
        store = Store(root)
        pending = find_pending(store, plan, request.existing)
        pending.warnings[:0] = planner.remarks
        _refuse_to_condense(pending.jobs, request, registry)
        yield Prepared(request, registry, store, plan, pending)


def _refuse_to_condense(jobs: Iterable[Job], request: Request, registry: Registry) -> None:
    """Refuse the first of *jobs* that would have to make a set which is only ever imported."""
    for job in jobs:
        cell = job.cell
        if isinstance(job, CondenseJob) and registry.find("methods", cell.method.record).record.import_only:
            if request.smoke:
                name = cell.method.selector
                raise RequestError(f"--smoke begins with an empty store, and {name} is made elsewhere; leave it out")
            place = f"{cell.dataset.name} at IPC {cell.ipc} and replicate {cell.replicate}"
            raise RequestError(f"no set of {place} is imported as {cell.method.label!r}; {_import_command(cell)}")


def _import_command(cell: Cell) -> str:
    words = ["--dataset", cell.dataset.selector, "--name", cell.method.label]
    words += ["--ipc", str(cell.ipc), "--seed", str(cell.replicate)]
    if cell.method.factor > 1:
        words += ["--factor", str(cell.method.factor)]
    return f"dcbench import FILE {shlex.join(words)}"


@contextmanager
def _store(request: Request) -> Iterator[Path]:
    if request.smoke:
        folder = Path(tempfile.mkdtemp(prefix="dcbench-smoke-"))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    else:
        yield request.results


def _check_folder(results: Path) -> None:
    """Refuse a results folder that can never be one, without making anything."""
    file = next((path for path in (results, *results.parents) if path.exists()), results)
    if file.exists() and not file.is_dir():
        raise RequestError(f"the results folder {results} cannot be made: {file} is a file")


def _check_writable(folder: Path) -> None:
    """Refuse a results folder that cannot be written, before anything is computed for it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".probe-"):
            pass
    except OSError as error:
        raise RequestError(f"cannot write to the results folder {folder}: {error.strerror or error}") from error


def run_plan(prepared: Prepared, watch: Callable[[Event], None]) -> Outcome:
    """Run what is to do, keep failures, and call *watch* with every event.

    Raises:
        RequestError: the results folder cannot be written; nothing was started.
        KeyboardInterrupt: every worker was ended; what is finished stays.
    """
    request, store, pending = prepared.request, prepared.store, prepared.pending
    outcome = Outcome(
        store.root,
        failed_before=len(pending.failed_before),
        incomplete=list(pending.incomplete),
        warnings=list(pending.warnings),
    )
    if pending.work:
        _check_writable(store.root)
        sweep(store.root)
        for path, read in pending.damaged.items():
            set_aside(path, read)
        slots = plan_slots(
            request.device,
            request.jobs,
            len(pending.work),
            deterministic=request.deterministic,
            precision=request.precision,
            capture=not request.eager,
        )
        outcome.warnings += name_ignored_threads(slots[0])
        executor = LocalExecutor(slots, store.root, request.data, request.timeout, strict=request.strict)
        for event in executor.run(Schedule(pending.work)):
            _keep(event, prepared, outcome)
            watch(event)
        outcome.warnings += outcome.fallback_warnings()
    outcome.warnings += prepared.registry.notify(
        "dcbench_run_finished", results=store.root, finished=outcome.finished, failed=len(outcome.failed)
    )
    return outcome


def _keep(event: Event, prepared: Prepared, outcome: Outcome) -> None:
    """Bring the store and the outcome up to date with *event*, and call the observers."""
    store = prepared.store
    if isinstance(event, Finished):
        outcome.finished += 1
        for line in event.fallbacks:
            outcome.fallbacks.setdefault(line, []).append(event.job)
        store.clear_failure(event.job)
        if isinstance(event.job, EvaluateJob):
            store.drop_shorter_evaluations(event.job)
        about = event.job.cell.facts() | _particulars(event)
        outcome.warnings += prepared.registry.notify("dcbench_cell_finished", file=event.file, about=about)
    elif isinstance(event, Failed):
        outcome.failed.append((event.job, event.failure))
        outcome.skipped += len(event.skipped)
        with suppress(OSError):  # a full disk must not hide the failure that it caused
            store.keep_failure(event.job, event.failure)


def _particulars(event: Finished) -> dict[str, object]:
    """Return what the file of *event* holds in addition to the facts of its cell."""
    match event.job:
        case CondenseJob(classes=range() as classes):
            return {"classes": range_text(classes)}
        case EvaluateJob():
            return _metrics(event)
    return {}


def _metrics(event: Finished) -> dict[str, object]:
    with suppress(UnreadableFileError, OSError):
        metrics = read_evaluation(event.file)["metrics"]
        return {"metrics": metrics, "figures": metrics}  # the second is the former name, for one release
    return {}
