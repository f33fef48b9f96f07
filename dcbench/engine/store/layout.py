"""Where each artefact lies: paths below the results folder, known before anything runs."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dcbench.engine.ranges import as_range, range_text
from dcbench.engine.store.names import file_name

if TYPE_CHECKING:
    from dcbench.engine.identity import Cell, Trial
    from dcbench.engine.jobs import Job

_REPEATS = re.compile(r"\.r(\d+-\d+)\.h5$")
_CLASSES = re.compile(r"\.classes(\d+(?:-\d+)?)\.part\.h5$")
_ON_THE_WAY = re.compile(r"\.(condense|assemble|classes\d+(-\d+)?)\.(failed\.json|log)$|\.checkpoint\.h5$")


def is_on_the_way(path: Path) -> bool:
    """Say whether *path* is a record, a log or a checkpoint of a job on the way to a condensed set."""
    return _ON_THE_WAY.search(path.name) is not None


def evaluations_named(stem: Path, trial: str) -> dict[Path, range]:
    """Return the evaluation files of the trial of that name, each with the repeats it holds."""
    found = {}
    for path in sorted(stem.parent.glob(f"{stem.name}.{trial}.r*.h5")):
        match = _REPEATS.search(path.name)
        with suppress(ValueError):  # a name that no evaluation has, such as r5-3
            found[path] = as_range(match[1] if match else "")
    return found


@dataclass(frozen=True)
class Layout:
    """The paths of a results folder."""

    root: Path

    def stem(self, cell: Cell) -> Path:
        """Return what the names of all files of *cell* begin with."""
        folder = self.root / file_name(cell.dataset.name) / cell.method.record / f"ipc{cell.ipc}"
        return folder / f"s{cell.replicate}-{cell.digest[:12]}"

    def condensed(self, cell: Cell, classes: range | None = None) -> Path:
        """Return the path of the condensed set, or of the part of it that holds *classes*."""
        return self._with(cell, "condensed.h5" if classes is None else f"classes{range_text(classes)}.part.h5")

    def parts(self, cell: Cell) -> dict[Path, range]:
        """Return the parts of the condensed set that are there, each with the classes it holds."""
        stem = self.stem(cell)
        found = {}
        for path in sorted(stem.parent.glob(f"{stem.name}.*.part.h5")):
            match = _CLASSES.search(path.name)
            with suppress(ValueError):  # a name that no part has, such as classes5-3
                found[path] = as_range(match[1] if match else "")
        return found

    def checkpoint(self, cell: Cell, classes: range | None = None) -> Path:
        """Return the path of the checkpoint that condensing, of all classes or of *classes*, resumes from."""
        return self._with(cell, "checkpoint.h5" if classes is None else f"classes{range_text(classes)}.checkpoint.h5")

    def on_the_way(self, cell: Cell) -> list[Path]:
        """Return what nobody needs once the condensed set is there: failures and logs of its jobs, and checkpoints."""
        return [path for path in self._files(cell) if is_on_the_way(path)]

    def evaluation(self, trial: Trial, repeats: range) -> Path:
        """Return the path of the evaluation that holds *repeats*."""
        return self._with(trial.cell, f"{trial.name}.r{repeats.start}-{repeats.stop - 1}.h5")

    def evaluations(self, trial: Trial) -> dict[Path, range]:
        """Return the evaluation files of *trial* that are there, each with the repeats it holds."""
        return evaluations_named(self.stem(trial.cell), trial.name)

    def evaluations_of(self, cell: Cell) -> list[Path]:
        """Return every evaluation of *cell* that is there, of its snapshots too."""
        return [path for path in self._files(cell) if _REPEATS.search(path.name)]

    def result(self, job: Job) -> Path:
        """Return the path of what *job* is to make."""
        match job.type:
            case "condense":
                return self.condensed(job.cell, job.classes)
            case "assemble":
                return self.condensed(job.cell)
            case "evaluate":
                return self.evaluation(job.trial, job.repeats)

    def failure(self, job: Job) -> Path:
        """Return the path of the record of the last failure of *job*."""
        return self._with(job.cell, f"{job.name}.failed.json")

    def log(self, job: Job) -> Path:
        """Return the path of what *job* printed."""
        return self._with(job.cell, f"{job.name}.log")

    def artifact(self, dataset: str, name: str) -> Path:
        """Return the path of an artifact that cells of *dataset* share."""
        return self.root / "artifacts" / file_name(dataset) / f"{name}.h5"

    def report(self, name: str) -> Path:
        """Return the path of a stored report."""
        return self.root / "reports" / f"{file_name(name)}.h5"

    @property
    def index(self) -> Path:
        """The path of the file that links to all others."""
        return self.root / "index.h5"

    def all_condensed(self) -> list[Path]:
        """Return every condensed set below the root."""
        return sorted(self.root.glob("*/*/ipc*/s*.condensed.h5"))

    def all_parts(self) -> list[Path]:
        """Return every part of a condensed set below the root."""
        return sorted(self.root.glob("*/*/ipc*/s*.part.h5"))

    def all_evaluations(self) -> list[Path]:
        """Return every evaluation below the root."""
        return sorted(path for path in self.root.glob("*/*/ipc*/s*.r*.h5") if _REPEATS.search(path.name))

    def all_failures(self) -> list[Path]:
        """Return every record of a failure, of those too that were overcome."""
        return sorted(self.root.glob("*/*/ipc*/s*.failed.json"))

    def all_reports(self) -> list[Path]:
        """Return every stored report."""
        return sorted(self.root.glob("reports/*.h5"))

    def _files(self, cell: Cell) -> list[Path]:
        stem = self.stem(cell)
        return sorted(stem.parent.glob(f"{stem.name}.*"))

    def _with(self, cell: Cell, ending: str) -> Path:
        stem = self.stem(cell)
        return stem.with_name(f"{stem.name}.{ending}")
