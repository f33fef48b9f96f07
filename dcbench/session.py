"""One session with the bench, from Python or from the command line: plan, run, report, load."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcbench.api.errors import DcbenchError, RequestError
from dcbench.engine.identity import digest_of
from dcbench.engine.plan.request import Request, default_data_folder, make_request
from dcbench.engine.progress import Announce, announce_nothing
from dcbench.engine.registry import load_registry
from dcbench.engine.run import Outcome, Prepared, prepare, run_plan
from dcbench.engine.store.failures import load_failure

if TYPE_CHECKING:
    import pandas as pd
    from torch.utils.data import TensorDataset

    from dcbench.engine.executors.schedule import Event
    from dcbench.engine.identity import Trial


@dataclass(frozen=True)
class Finished:
    """A run that has ended, with its report."""

    outcome: Outcome
    text: str
    """The tables, as a terminal shows them."""
    report: Path | None
    """Where the report is stored; None where it could not be, which a warning of the outcome explains."""


@contextmanager
def open_session(request: Request, announce: Announce = announce_nothing) -> Iterator[Prepared]:
    """Check *request* against the installed plug-ins and the store, and yield what is to do.

    *announce* is called with what begins, where it may take a while, and with how far it has come.

    Raises:
        DcbenchError: something is wrong with the request or the store; nothing was started.
    """
    with prepare(request, load_registry(), announce) as prepared:
        yield prepared


def finish(
    prepared: Prepared, watch: Callable[[Event], None], *, width: int | None = None, colour: bool = False
) -> Finished:
    """Carry out what was *prepared*, then make, store and return the report of exactly these cells."""
    from dcbench.report.reading import read_or_warn
    from dcbench.report.render import terminal
    from dcbench.report.results import frame
    from dcbench.report.stored import is_stored, store_report
    from dcbench.report.summary import summarise
    from dcbench.report.tables import Wanted
    from dcbench.report.tables.grid import grid_tables

    outcome = run_plan(prepared, watch)
    trials = [planned.trial for cell in prepared.plan for planned in cell.trials if planned.trial.step is None]
    labels = list(dict.fromkeys(trial.cell.method.label for trial in trials))
    summary = summarise(_relabelled(frame(prepared.layout.root), trials))
    failed = [job.cell.facts() | {"job": job.name} for job, _ in outcome.failed]
    failed += filter(None, (read_or_warn(load_failure, path) for path in prepared.pending.failed_before))
    shown = summary[summary["main"].astype(bool)]
    rows = list(dict.fromkeys((trial.cell.dataset.title, trial.cell.ipc) for trial in trials))
    tables = grid_tables(shown, Wanted(labels, rows, Counter(map(_table_of, trials)), failed))
    name = f"run-{digest_of(sorted(trial.key for trial in trials))[:12]}"
    path, text = prepared.layout.report(name), terminal(tables)
    report: Path | None = path
    try:
        if not is_stored(path, summary, text):
            store_report(path, summary, text)
    except (OSError, DcbenchError) as error:  # no reason to hide the table, and how the run ended
        report = None
        reason = getattr(error, "strerror", None) or error
        outcome.warnings.append(f"the report is not stored in {path}: {reason}")
    return Finished(outcome, terminal(tables, width=width, colour=colour), report)


def _relabelled(results: pd.DataFrame, trials: Sequence[Trial]) -> pd.DataFrame:
    """Return the rows that belong to *trials*, under the labels of this run.

    The same trial may have been made under other labels, two labels may mean the same settings, and older files do not
    say that their data is not the standard data of its name.
    """
    import pandas as pd

    columns = ["key", "dataset", "label", "evaluator_label"]
    named = dict.fromkeys(
        (trial.key, trial.cell.dataset.title, trial.cell.method.label, trial.evaluator.label) for trial in trials
    )
    labels = pd.DataFrame(named.keys(), columns=columns)
    return results.drop(columns=columns[1:]).merge(labels, on="key")


def _table_of(trial: Trial) -> tuple[str, ...]:
    """Return the table that a trial belongs to, by the values of `dcbench.report.summary.TABLE`."""
    spec = trial.evaluator
    names = (str(spec.settings.get(field, "")) for field in ("protocol", "network"))
    return (spec.label, spec.metric, *names, trial.cell.split)


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
    root = default_data_folder() if data is None else Path(data)
    sources = Sources(load_registry(), root, fetch=True)
    return TensorDataset(*record.condensed.decode(sources.of(record)))
