"""One job: condense a cell or a part of it, assemble parts, or evaluate; the result goes into the store."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from dcbench.api.condensed import CondensedSet, plain_set
from dcbench.api.errors import DcbenchError
from dcbench.api.evaluator import Evaluation
from dcbench.engine.factories import make_dataset
from dcbench.engine.identity import Cell
from dcbench.engine.jobs import AssembleJob, CondenseJob, EvaluateJob, Job
from dcbench.engine.progress import Report, announce_reading
from dcbench.engine.ranges import range_text, ranges_of
from dcbench.engine.registry import Registry
from dcbench.engine.store.atomic import set_aside
from dcbench.engine.store.evaluations import StoredEvaluation
from dcbench.engine.store.given import check_name
from dcbench.engine.store.guards import CorruptFileError
from dcbench.engine.store.sets import StoredSet, assemble, read_condensed
from dcbench.engine.store.store import Store
from dcbench.engine.store.tensors import hash_set
from dcbench.engine.work.contexts import CellTask, Data, TrialContext
from dcbench.engine.work.devices import describe_device, peak_memory, prepare_process
from dcbench.engine.work.provenance import describe_ran, go_on, versions
from dcbench.engine.work.runtime import Runtime


class Order(BaseModel):
    """A job with all that a worker in another process needs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    job: Job = Field(discriminator="type")
    results: Path
    data: Path
    runtime: Runtime
    strict: bool = False
    """Whether the job fails where it cannot run as it was asked to."""
    fallback: str = ""
    """Why it runs eagerly, if a capture has failed in the process before."""


def run_job(order: Order, registry: Registry, report: Report) -> Path:
    """Do the job and return the file that holds its result.

    Raises:
        DcbenchError: the result was refused, or its data is not there. Plug-ins may raise anything.
    """
    order = _in_named_arithmetic(order)
    match order.job:
        case CondenseJob() as job:
            return _condense(order, job, registry, report)
        case AssembleJob() as job:
            return _assemble(order, job, registry)
        case EvaluateJob() as job:
            return _evaluate(order, job, registry, report)


def _in_named_arithmetic(order: Order) -> Order:
    """Return *order* with the arithmetic that the name of its result has, and set up this process so."""
    job = order.job
    spec = job.trial.evaluator if isinstance(job, EvaluateJob) else job.cell.method
    if order.runtime.precision == spec.arithmetic:
        return order
    runtime = order.runtime.model_copy(update={"precision": spec.arithmetic})
    prepare_process(runtime)
    return order.model_copy(update={"runtime": runtime})


def _condense(order: Order, job: CondenseJob, registry: Registry, report: Report) -> Path:
    cell, store = job.cell, Store(order.results)
    data = _data(order, registry, cell, report)
    if job.again:
        store.drop_checkpoint(cell, job.classes)
    runtime = go_on(order.runtime, store.checkpoint(cell, job.classes), fallback=order.fallback)
    order = order.model_copy(update={"runtime": runtime})
    task = CellTask(registry, data, store, order.runtime, report, job.classes)
    method = registry.resolve("methods", cell.method.record)()
    condensed = plain_set(method.condense(task, method.Settings(**cell.method.settings)))
    info = data.info  # the bench's own: a method may have put something else into its task
    condensed.check(
        info, cell.ipc, budget_exempt=cell.method.budget_exempt, factor=cell.method.factor, classes=job.classes
    )
    facts = _provenance(order, registry, "methods", cell.method.record, task.seconds) | {
        **task.artifacts.facts(),
        "numbers": condensed.numbers(info),
        "chunk": int(task.chunk),
        "cite": str(method.cite),
    }
    stretches = task.stretches
    facts |= describe_ran(order.runtime, stretches)
    if len(stretches) > 1:
        facts["stretches"] = stretches
    if job.classes is not None:
        facts["classes"] = range_text(job.classes)
    made = task.recorder
    path = store.save(StoredSet(cell, condensed, facts, made.trace, made.snapshots, made.snapshot_seconds))
    if job.again and job.classes is None:
        store.drop_evaluations(cell)
    store.drop_checkpoint(cell, job.classes)
    return path


def _data(order: Order, registry: Registry, cell: Cell, report: Report) -> Data:
    """Return the data of *cell*. *report* is called while images are decoded again."""
    dataset = make_dataset(registry, cell.dataset, order.data)
    announce_reading(dataset, lambda text, done=0, total=0: report(done, total, {}, text), cell.dataset.name)
    return Data(dataset, cell)


def _assemble(order: Order, job: AssembleJob, registry: Registry) -> Path:
    cell, store = job.cell, Store(order.results)
    info = Data(make_dataset(registry, cell.dataset, order.data), cell).info
    parts, path = store.parts(cell), store.result(job)
    gone = set(range(info.classes)) - {label for classes in parts.values() for label in classes}
    if gone and path.exists() and not job.again:  # another front end was faster
        return path
    if gone:
        texts = ", ".join(map(range_text, ranges_of(gone)))
        raise DcbenchError(f"the parts with classes {texts} went away; --existing retry-failed makes them again")
    record = assemble(cell, [_read(path) for path in parts])
    record = replace(record, condensed=plain_set(record.condensed))
    record.condensed.check(info, cell.ipc, budget_exempt=cell.method.budget_exempt)
    store.save(replace(record, facts={**record.facts, "numbers": record.condensed.numbers(info)}))
    if job.again:
        store.drop_evaluations(cell)
    for part in parts:
        part.unlink(missing_ok=True)
    return path


def _evaluate(order: Order, job: EvaluateJob, registry: Registry, report: Report) -> Path:
    trial, store = job.trial, Store(order.results)
    cell, spec = trial.cell, trial.evaluator
    path = store.condensed(cell)
    stored = _read(path)
    condensed = _at(stored, path, trial.step)
    content = hash_set(condensed)
    data = _data(order, registry, cell, report)
    context = TrialContext(registry, trial, job.repeats, data.info, store, order.runtime, report)
    evaluator = registry.resolve("evaluators", spec.record)()
    settings = evaluator.Settings(**spec.settings)
    evaluation = evaluator.evaluate(condensed, data.train(), data.test(), context, settings)
    metrics = _plain_metrics(evaluation)
    _check(metrics, spec.metric, len(job.repeats))
    facts = _provenance(order, registry, "evaluators", spec.record, context.seconds) | context.artifacts.facts()
    facts |= describe_ran(order.runtime, condensing=stored.facts.get("ran", {}).get("fallbacks", ()))
    _check_same(path, trial.step, content)
    return store.save(StoredEvaluation(trial, job.repeats, metrics, facts))


def _at(record: StoredSet, path: Path, step: int | None) -> CondensedSet:
    """Return the set of *record*, which was read from *path*, or its snapshot after *step* steps."""
    if step is None:
        return record.condensed
    if step not in record.snapshots:
        kept = ", ".join(map(str, record.snapshots)) or "none"
        raise DcbenchError(
            f"{path} has no snapshot of step {step}; it has {kept}. --existing overwrite condenses it again"
        )
    return record.snapshots[step]


def _check_same(path: Path, step: int | None, content: str) -> None:
    """Refuse to store what was measured on *content* if the set at *path* is another by now: it has the same name."""
    try:
        same = hash_set(_at(_read(path), path, step)) == content
    except FileNotFoundError:
        same = False
    if not same:
        raise DcbenchError(
            f"{path} was replaced or removed while it was evaluated; --existing retry-failed evaluates it again"
        )


def _read(path: Path) -> StoredSet:
    try:
        return read_condensed(path)
    except CorruptFileError as error:
        aside = set_aside(path, read_condensed)
        if aside is None and path.exists():  # another process has made it anew
            return read_condensed(path)
        renamed = f"it was renamed to {aside.name}" if aside else "another process has renamed it"
        raise DcbenchError(f"{error}; {renamed}; --existing retry-failed makes it again") from error


def _plain_metrics(evaluation: object) -> dict[str, tuple[float, ...]]:
    """Return the metrics of *evaluation* as numbers of the bench's own: what is checked is what is stored."""
    if not isinstance(evaluation, Evaluation):
        raise DcbenchError(f"an evaluator returns a dcbench.Evaluation, not a {type(evaluation).__name__}")
    return {str(name): tuple(map(float, values)) for name, values in dict(evaluation.metrics).items()}


def _check(metrics: Mapping[str, tuple[float, ...]], metric: str, repeats: int) -> None:
    if metric not in metrics:
        raise DcbenchError(f"the evaluator gave no metric {metric!r}, only {', '.join(metrics) or 'none'}")
    for name, values in metrics.items():
        check_name(name, "a metric")
        if len(values) != repeats:
            raise DcbenchError(f"the evaluator gave {len(values)} values of {name!r} for {repeats} repeats")
        for value in values:
            if not math.isfinite(value):
                raise DcbenchError(f"the evaluator gave {value} as {name!r}; metrics are finite numbers")


def _provenance(order: Order, registry: Registry, group: str, name: str, seconds: float) -> dict[str, Any]:
    source = registry.find(group, name).source
    return {
        "runtime": order.runtime.model_dump(mode="json"),
        "versions": versions({source.package: source.version}),
        "device": describe_device(order.runtime.device),
        "seconds": seconds,
        "peak_memory_bytes": peak_memory(order.runtime.device),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }
