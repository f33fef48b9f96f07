"""The store: one results folder, in which a finished name means a finished file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dcbench.engine.jobs import AssembleJob, CondenseJob, EvaluateJob
from dcbench.engine.ranges import as_range
from dcbench.engine.store.atomic import read_or_set_aside
from dcbench.engine.store.failures import Failure, overcome, shorten_log, write_failure
from dcbench.engine.store.names import ARTIFACTS, CONDENSED, FAILED, REPORTS, CellFiles, file_name, is_evaluation

if TYPE_CHECKING:
    from dcbench.engine.identity import Cell, Trial
    from dcbench.engine.jobs import Job
    from dcbench.engine.store.evaluations import StoredEvaluation
    from dcbench.engine.store.sets import StoredSet
    from dcbench.engine.store.tensors import Checkpoint

_FOLDERS = "*/*/ipc*"
"""Where the files of cells lie: dataset, method and IPC."""


@dataclass(frozen=True)
class Store:
    """A results folder: where the file of each thing lies, and what is there.

    Modules that bring torch are imported by the calls that need them: lists and reports need paths alone.
    """

    root: Path

    # Paths: what is to lie where, whether or not it is there.

    def files(self, cell: Cell) -> CellFiles:
        """Return the files of *cell*."""
        folder = self.root / file_name(cell.dataset.name) / cell.method.record / f"ipc{cell.ipc}"
        return CellFiles(folder / f"s{cell.replicate}-{cell.digest[:12]}")

    def condensed(self, cell: Cell, classes: range | None = None) -> Path:
        """Return the path of the condensed set, or of the part of it that holds *classes*."""
        files = self.files(cell)
        return files.condensed if classes is None else files.part(classes)

    def checkpoint(self, cell: Cell, classes: range | None = None) -> Path:
        """Return the path of the checkpoint that condensing, of all classes or of *classes*, resumes from."""
        return self.files(cell).checkpoint(classes)

    def evaluation(self, trial: Trial, repeats: range) -> Path:
        """Return the path of the evaluation that holds *repeats*."""
        return self.files(trial.cell).evaluation(trial.name, repeats)

    def result(self, job: Job) -> Path:
        """Return the path of what *job* is to make."""
        match job:
            case CondenseJob():
                return self.condensed(job.cell, job.classes)
            case AssembleJob():
                return self.condensed(job.cell)
            case EvaluateJob():
                return self.evaluation(job.trial, job.repeats)

    def failure(self, job: Job) -> Path:
        """Return the path of the record of the last failure of *job*."""
        return self.files(job.cell).failure(job.name)

    def log(self, job: Job) -> Path:
        """Return the path of what *job* prints."""
        return self.files(job.cell).log(job.name)

    def artifact(self, dataset: str, name: str) -> Path:
        """Return the path of an artifact that cells of *dataset* share."""
        return self.root / ARTIFACTS / file_name(dataset) / f"{name}.h5"

    def report(self, name: str) -> Path:
        """Return the path of a stored report."""
        return self.root / REPORTS / f"{file_name(name)}.h5"

    # What is there.

    def parts(self, cell: Cell) -> dict[Path, range]:
        """Return the parts of the condensed set of *cell*, each with the classes it holds."""
        return self.files(cell).parts()

    def evaluations(self, trial: Trial) -> dict[Path, range]:
        """Return the evaluation files of *trial*, each with the repeats it holds."""
        return self.files(trial.cell).evaluations(trial.name)

    def evaluations_of(self, cell: Cell) -> list[Path]:
        """Return every evaluation of *cell*, of its snapshots too."""
        return [path for path in self.files(cell).there() if is_evaluation(path)]

    def all_condensed(self) -> list[Path]:
        """Return every condensed set."""
        return sorted(self.root.glob(f"{_FOLDERS}/s*.{CONDENSED}"))

    def all_parts(self) -> list[Path]:
        """Return every part of a condensed set."""
        return sorted(self.root.glob(f"{_FOLDERS}/s*.part.h5"))

    def all_evaluations(self) -> list[Path]:
        """Return every evaluation."""
        return sorted(filter(is_evaluation, self.root.glob(f"{_FOLDERS}/s*.r*.h5")))

    def all_failures(self) -> list[Path]:
        """Return every record of a failure, of those too that were overcome."""
        return sorted(self.root.glob(f"{_FOLDERS}/s*.{FAILED}"))

    def all_reports(self) -> list[Path]:
        """Return every stored report."""
        return sorted(self.root.glob(f"{REPORTS}/*.h5"))

    def by_cell(self) -> dict[CellFiles, list[Path]]:
        """Return all cells of which there is a file, each with its set, parts, evaluations and failures, in order."""
        found: dict[CellFiles, list[Path]] = {}
        for path in (*self.all_condensed(), *self.all_parts(), *self.all_evaluations(), *self.all_failures()):
            found.setdefault(CellFiles(path.with_name(path.name.partition(".")[0])), []).append(path)
        return dict(sorted(found.items()))

    # Reading and writing.

    def load(self, cell: Cell) -> StoredSet:
        """Read the condensed set of *cell*, which checks every checksum.

        Raises:
            CorruptFileError, UnreadableFileError, UnsupportedFormatError, FileNotFoundError: see `hdf5.reading`.
        """
        from dcbench.engine.store.sets import read_condensed

        return read_condensed(self.condensed(cell))

    def save(self, made: StoredSet | StoredEvaluation) -> Path:
        """Write a condensed set, a part of one (its facts name its classes) or an evaluation; return its path.

        Raises:
            OSError: it cannot be written, as on a full disk; a file that was there before is as it was.
        """
        from dcbench.engine.store.evaluations import StoredEvaluation, write_evaluation
        from dcbench.engine.store.sets import write_condensed

        if isinstance(made, StoredEvaluation):
            path = self.evaluation(made.trial, made.repeats)
            write_evaluation(path, made)
        else:
            path = self.condensed(made.cell, as_range(made.facts["classes"]) if "classes" in made.facts else None)
            write_condensed(path, made)
        return path

    def load_checkpoint(self, cell: Cell, classes: range | None = None) -> Checkpoint | None:
        """Return what condensing resumes from; None if there is nothing, or a damaged file, which is then set aside."""
        from dcbench.engine.store.tensors import read_checkpoint

        return read_or_set_aside(self.checkpoint(cell, classes), read_checkpoint)

    def save_checkpoint(self, cell: Cell, classes: range | None, checkpoint: Checkpoint) -> None:
        """Write what condensing resumes from.

        Raises:
            OSError: it cannot be written, as on a full disk.
        """
        from dcbench.engine.store.tensors import write_checkpoint

        write_checkpoint(self.checkpoint(cell, classes), checkpoint)

    def drop_checkpoint(self, cell: Cell, classes: range | None = None) -> None:
        """Remove the checkpoint, if there is one."""
        self.checkpoint(cell, classes).unlink(missing_ok=True)

    def drop_evaluations(self, cell: Cell) -> tuple[Path, ...]:
        """Remove every evaluation of *cell*, whose set is another one from now on: means would pool both.

        Returns:
            the files that were removed.
        """
        dropped = tuple(self.evaluations_of(cell))
        for path in dropped:
            path.unlink(missing_ok=True)
        return dropped

    def drop_shorter_evaluations(self, job: EvaluateJob) -> None:
        """Remove evaluations whose repeats the file that *job* has made holds as well."""
        made = self.result(job)
        for path, repeats in self.evaluations(job.trial).items():
            if path != made and set(repeats) <= set(job.repeats):
                path.unlink(missing_ok=True)

    # Failures.

    def keep_failure(self, job: Job, failure: Failure) -> Path:
        """Record *failure* as the last one of *job*, and keep the end of what the job printed.

        Raises:
            OSError: it cannot be written, as on a full disk.
        """
        path = self.failure(job)
        write_failure(path, job, failure)
        shorten_log(self.log(job))
        return path

    def clear_failure(self, job: Job) -> None:
        """Forget the last failure of *job*, which has now finished.

        A job that makes the whole set also clears failures and checkpoints of all other jobs that condense it.
        """
        stale = [self.failure(job), self.log(job)]
        match job:
            case CondenseJob(classes=None) | AssembleJob():
                stale += self.files(job.cell).of_condensing()
        for path in stale:
            path.unlink(missing_ok=True)

    def standing_failures(self) -> list[Path]:
        """Return every record of a failure, but those that were `overcome`."""
        return [path for path in self.all_failures() if not overcome(path)]
