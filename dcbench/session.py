"""What the command line and Python have in common: plan, run, report, load."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcbench.api.errors import DcbenchError, RequestError
from dcbench.api.folders import data_folder
from dcbench.engine.identity import digest_of
from dcbench.engine.plan.request import Request, make_request
from dcbench.engine.progress import Announce, announce_nothing
from dcbench.engine.registry import load_registry
from dcbench.engine.run import Outcome, Prepared, prepare, run_plan
from dcbench.engine.store.failures import load_failure

if TYPE_CHECKING:
    from torch.utils.data import TensorDataset

    from dcbench.engine.executors.schedule import Event


@dataclass(frozen=True)
class Finished:
    """A run that has ended, with its report."""

    outcome: Outcome
    text: str
    """The tables, as a terminal shows them."""
    report: Path | None
    """The file of the stored report; None if it could not be written, with a warning in the outcome."""


@contextmanager
def open_session(request: Request, announce: Announce = announce_nothing) -> Iterator[Prepared]:
    """Check *request* against the installed plug-ins and the store, and yield what there is to do.

    *announce* is called with what begins, where it may take a while, and with how far it has come.

    Raises:
        DcbenchError: something is wrong with the request or the store; nothing was started.
    """
    with prepare(request, load_registry(), announce) as prepared:
        yield prepared


def finish(
    prepared: Prepared, watch: Callable[[Event], None], *, width: int | None = None, colour: bool = False
) -> Finished:
    """Run what was *prepared*, then make, store and return the report of exactly these cells."""
    from dcbench.report.render import terminal
    from dcbench.report.report import build_of_run
    from dcbench.report.stored import keep

    outcome = run_plan(prepared, watch)
    trials = [planned.trial for cell in prepared.plan for planned in cell.trials if planned.trial.step is None]
    report = build_of_run(prepared.store.root, trials, _failed(prepared, outcome))
    path = prepared.store.report(f"run-{digest_of(sorted(trial.key for trial in trials))[:12]}")
    stored = True
    try:
        keep(path, report, overwrite=True)
    except (OSError, DcbenchError) as error:  # the table and the outcome of the run are shown all the same
        reason = getattr(error, "strerror", None) or error
        outcome.warnings.append(f"the report is not stored in {path}: {reason}")
        stored = False
    text = terminal(report.tables, width=width, colour=colour)
    return Finished(outcome, text, path if stored else None)


def _failed(prepared: Prepared, outcome: Outcome) -> list[Mapping[str, Any]]:
    """Return the records of the jobs that failed, in this run or before it."""
    from dcbench.report.reading import read_or_warn

    before = (read_or_warn(load_failure, path) for path in prepared.pending.failed_before)
    now = (job.cell.facts() | {"job": job.name} for job, _ in outcome.failed)
    return [*now, *filter(None, before)]


def run(**options: Any) -> Outcome:
    """Run a grid: ``dcbench.run(methods="m3d,dm", datasets="cifar10", ipc=[1, 10])``.

    Options are those of ``dcbench run`` without the dashes (``set`` takes a list of texts such as ``"m3d.lr=10"``), but
    for ``config`` and ``dry_run``; see `dcbench.engine.plan.request.Request`. What the store already holds is not
    computed again. Nothing is printed. Read the numbers with `dcbench.frame`.

    Returns:
        how it ended. A job that fails raises nothing: look at ``ok`` and ``failed``.

    Raises:
        DcbenchError: something is wrong with the request; nothing was started.
    """
    known = [field.alias or name for name, field in Request.model_fields.items()]
    for name in options:
        if name not in known:
            raise RequestError(f"dcbench.run has no option {name!r}; it takes {', '.join(known)}")
    with open_session(make_request(**options)) as prepared:
        return finish(prepared, lambda _: None).outcome


def load(path: Path | str, data: Path | str | None = None) -> TensorDataset:
    """Return the condensed set in the file *path*, decoded, as a torch dataset of (image, label).

    Images are float32 (C, H, W), pixels, nominally in [0, 1], not normalised; those of sets learnt in normalised space
    (dm, idm) may lie anywhere. The dataset of a selection is fetched where that can be done and it is not there yet.

    Args:
        path: a ``*.condensed.h5`` file.
        data: where datasets live, for a selection of training images; None means as for ``dcbench run``.

    Raises:
        DcbenchError: the file is damaged or of a newer format, or the data of a selection is not there.
    """
    from torch.utils.data import TensorDataset

    from dcbench.engine.exchange.sources import Sources
    from dcbench.engine.store.sets import read_condensed

    if not Path(path).is_file():
        raise RequestError(f"there is no file {path}")
    record = read_condensed(Path(path))
    root = data_folder() if data is None else Path(data)
    sources = Sources(load_registry(), root, fetch=True)
    return TensorDataset(*record.condensed.decode(sources.of(record)))
