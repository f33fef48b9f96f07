"""What a worker does: condense a cell or a part of it, assemble parts, or evaluate; the result goes to the store."""

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
from dcbench.engine.store.evaluations import StoredEvaluation, write_evaluation
from dcbench.engine.store.guards import CorruptFileError
from dcbench.engine.store.layout import Layout
from dcbench.engine.store.names import check_name
from dcbench.engine.store.sets import StoredSet, assemble, read_condensed, write_condensed
from dcbench.engine.store.tensors import hash_tensors
from dcbench.engine.work.contexts import CellTask, Data, TrialContext
from dcbench.engine.work.devices import describe_device, peak_memory
from dcbench.engine.work.provenance import go_on, versions
from dcbench.engine.work.runtime import Runtime


class Order(BaseModel):
    """A job with all that a worker in another process needs to know."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    job: Job = Field(discriminator="type")
    results: Path
    data: Path
    runtime: Runtime


def run_job(order: Order, registry: Registry, report: Report) -> Path:
    """Do the job and return the file that holds its result.

    Raises:
        DcbenchError: the result was refused, or its data is not there. Plug-ins may raise anything.
    """
    match order.job:
        case CondenseJob() as job:
            return _condense(order, job, registry, report)
        case AssembleJob() as job:
            return _assemble(order, job, registry)
        case EvaluateJob() as job:
            return _evaluate(order, job, registry, report)


def _condense(order: Order, job: CondenseJob, registry: Registry, report: Report) -> Path:
    cell, layout = job.cell, Layout(order.results)
    data = _data(order, registry, cell, report)
    if job.again:
        layout.checkpoint(cell, job.classes).unlink(missing_ok=True)
    runtime = go_on(order.runtime, layout.checkpoint(cell, job.classes))
    order = order.model_copy(update={"runtime": runtime})
    task = CellTask(registry, data, layout, order.runtime, report, job.classes)
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
    if len(task.stretches) > 1:
        facts["stretches"] = task.stretches
    if job.classes is not None:
        facts["classes"] = range_text(job.classes)
    path = layout.result(job)
    made = task.recorder
    write_condensed(path, StoredSet(cell, condensed, facts, made.trace, made.snapshots, made.snapshot_seconds))
    if job.again and job.classes is None:
        _drop_evaluations(layout, cell)
    layout.checkpoint(cell, job.classes).unlink(missing_ok=True)
    return path


def _data(order: Order, registry: Registry, cell: Cell, report: Report) -> Data:
    """Return the data of *cell*. *report* tells of images that have to be decoded again."""
    dataset = make_dataset(registry, cell.dataset, order.data)
    announce_reading(dataset, lambda text, done=0, total=0: report(done, total, {}, text), cell.dataset.name)
    return Data(dataset, cell)


def _assemble(order: Order, job: AssembleJob, registry: Registry) -> Path:
    cell, layout = job.cell, Layout(order.results)
    info = Data(make_dataset(registry, cell.dataset, order.data), cell).info
    parts, path = layout.parts(cell), layout.result(job)
    gone = set(range(info.classes)) - {label for classes in parts.values() for label in classes}
    if gone and path.exists() and not job.again:  # another front end was faster
        return path
    if gone:
        texts = ", ".join(map(range_text, ranges_of(gone)))
        raise DcbenchError(f"the parts with classes {texts} went away; --existing retry-failed makes them again")
    record = assemble(cell, [_read(path) for path in parts])
    record = replace(record, condensed=plain_set(record.condensed))
    record.condensed.check(info, cell.ipc, budget_exempt=cell.method.budget_exempt)
    write_condensed(path, replace(record, facts={**record.facts, "numbers": record.condensed.numbers(info)}))
    if job.again:
        _drop_evaluations(layout, cell)
    for part in parts:
        part.unlink(missing_ok=True)
    return path


def _drop_evaluations(layout: Layout, cell: Cell) -> None:
    """Remove what was measured on the set that was there before: means would pool it with what comes now."""
    for path in layout.evaluations_of(cell):
        path.unlink(missing_ok=True)


def _evaluate(order: Order, job: EvaluateJob, registry: Registry, report: Report) -> Path:
    order = order.model_copy(update={"runtime": order.runtime.for_training()})
    trial, layout = job.trial, Layout(order.results)
    cell, spec = trial.cell, trial.evaluator
    condensed = _at(layout.condensed(cell), trial.step)
    content = _hash(condensed)
    data = _data(order, registry, cell, report)
    context = TrialContext(registry, trial, job.repeats, data.info, layout, order.runtime, report)
    evaluator = registry.resolve("evaluators", spec.record)()
    settings = evaluator.Settings(**spec.settings)
    evaluation = evaluator.evaluate(condensed, data.train(), data.test(), context, settings)
    metrics = _plain_metrics(evaluation)
    _check(metrics, spec.metric, len(job.repeats))
    path = layout.result(job)
    facts = _provenance(order, registry, "evaluators", spec.record, context.seconds) | context.artifacts.facts()
    _check_same(layout.condensed(cell), trial.step, content)
    write_evaluation(path, StoredEvaluation(trial, job.repeats, metrics, facts))
    return path


def _at(path: Path, step: int | None) -> CondensedSet:
    """Return the set in the file *path*, or its snapshot after *step* steps."""
    record = _read(path)
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
        same = _hash(_at(path, step)) == content
    except FileNotFoundError:
        same = False
    if not same:
        raise DcbenchError(
            f"{path} was replaced or removed while it was evaluated; --existing retry-failed evaluates it again"
        )


def _hash(condensed: CondensedSet) -> str:
    """Return what tells *condensed* from a set of other content."""
    tensors = {"labels": condensed.labels, "images": condensed.images, "source_indices": condensed.source_indices}
    held = {name: tensor for name, tensor in tensors.items() if tensor is not None}
    return f"{hash_tensors(held)}, factor {condensed.decoder.factor}"


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
