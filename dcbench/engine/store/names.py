"""The names of all files of a results folder: known before anything runs, and the only place that spells them.

The files of one cell lie in ``dataset/method/ipcN`` and begin with one stem, ``s0-0123456789ab``: its replicate, for
people, and the head of its digest. What follows says what a file is.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dcbench.engine.ranges import as_range, range_text

ARTIFACTS, REPORTS, SHIPPED = "artifacts", "reports", "shipped"
OWN_FOLDERS = (ARTIFACTS, REPORTS, SHIPPED)
"""Folders of a results folder that hold no dataset: what cells share, stored reports, and stores that are shipped."""

CONDENSED, FAILED = "condensed.h5", "failed.json"
_STEM = re.compile(r"s\d+-[0-9a-f]{12}")
_REPEATS = re.compile(r"\.r(\d+-\d+)\.h5$")
_CLASSES = re.compile(r"\.classes(\d+(?:-\d+)?)\.part\.h5$")
_CONDENSING = re.compile(r"\.(condense|assemble|classes\d+(-\d+)?)\.(failed\.json|log)$|\.checkpoint\.h5$")


def file_name(name: str) -> str:
    """Return *name* with a replacement for every character that a file system or a glob pattern gives a meaning."""
    return re.sub(r"[^\w.+-]", "_", name)


def part_ending(classes: str) -> str:
    """Return how the name of the part with *classes*, such as ``0-19``, ends."""
    return f"classes{classes}.part.h5"


def evaluation_ending(trial: str, repeats: range) -> str:
    """Return how the name of an evaluation ends: the name of its trial and its first and last repeat."""
    return f"{trial}.r{repeats.start}-{repeats.stop - 1}.h5"


def is_condensed(path: Path) -> bool:
    """Return whether *path* is the name of a condensed set."""
    return path.name.endswith(f".{CONDENSED}")


def is_part(path: Path) -> bool:
    """Return whether *path* is the name of a part of a condensed set."""
    return path.name.endswith(".part.h5")


def is_evaluation(path: Path) -> bool:
    """Return whether *path* is the name of an evaluation."""
    return _REPEATS.search(path.name) is not None


def is_failure(path: Path) -> bool:
    """Return whether *path* is the name of the record of a failure."""
    return path.name.endswith(f".{FAILED}")


def ending_of(path: Path) -> str:
    """Return what follows the stem in the name *path*."""
    return path.name.partition(".")[2]


@dataclass(frozen=True, order=True)
class CellFiles:
    """The files of one cell, by the stem that their names begin with."""

    stem: Path

    @classmethod
    def of(cls, path: Path) -> CellFiles:
        """Return the files of the cell that *path* is a file of.

        Raises:
            ValueError: the name *path* does not begin as those of a cell do.
        """
        stem = path.with_name(path.name.partition(".")[0])
        if not _STEM.fullmatch(stem.name):
            raise ValueError(f"{path} is not a file of a cell; their names begin as s0-0123456789ab does")
        return cls(stem)

    @property
    def name(self) -> str:
        """The stem without its folder."""
        return self.stem.name

    @property
    def condensed(self) -> Path:
        """The path of the condensed set."""
        return self.named(CONDENSED)

    def part(self, classes: range) -> Path:
        """Return the path of the part that holds *classes*."""
        return self.named(part_ending(range_text(classes)))

    def checkpoint(self, classes: range | None = None) -> Path:
        """Return the path of the checkpoint that condensing, of all classes or of *classes*, resumes from."""
        return self.named("checkpoint.h5" if classes is None else f"classes{range_text(classes)}.checkpoint.h5")

    def evaluation(self, trial: str, repeats: range) -> Path:
        """Return the path of the evaluation by the trial of that name that holds *repeats*."""
        return self.named(evaluation_ending(trial, repeats))

    def failure(self, job: str) -> Path:
        """Return the path of the record of the last failure of the job of that name."""
        return self.named(f"{job}.{FAILED}")

    def log(self, job: str) -> Path:
        """Return the path of what the job of that name prints."""
        return self.named(f"{job}.log")

    def named(self, ending: str) -> Path:
        """Return the path of the file whose name ends so."""
        return self.stem.with_name(f"{self.stem.name}.{ending}")

    def there(self) -> list[Path]:
        """Return every file of the cell that is there, by name."""
        return sorted(self.stem.parent.glob(f"{self.stem.name}.*"))

    def parts(self) -> dict[Path, range]:
        """Return the parts of the condensed set that are there, each with the classes it holds."""
        return self._numbered("*.part.h5", _CLASSES)

    def evaluations(self, trial: str = "*") -> dict[Path, range]:
        """Return the evaluations that are there, of all trials or of the one of that name, each with its repeats."""
        return self._numbered(f"{trial}.r*.h5", _REPEATS)

    def failures(self) -> list[Path]:
        """Return every record of a failure that is there, of those too that were overcome."""
        return [path for path in self.there() if is_failure(path)]

    def of_condensing(self) -> list[Path]:
        """Return what a condensed set makes useless: failures and logs of the jobs that condense, and checkpoints."""
        return [path for path in self.there() if _CONDENSING.search(path.name)]

    def overcoming(self, failure: Path) -> list[Path]:
        """Return the paths of which each, if it is there, shows that the condensing job that failed is done after all.

        Empty for an evaluation: there the repeats decide.
        """
        if not _CONDENSING.search(failure.name):
            return []
        job = ending_of(failure).removesuffix(f".{FAILED}")
        return [self.condensed, self.named(f"{job}.part.h5")]

    def _numbered(self, pattern: str, numbers: re.Pattern[str]) -> dict[Path, range]:
        found = {}
        for path in sorted(self.stem.parent.glob(f"{self.stem.name}.{pattern}")):
            match = numbers.search(path.name)
            with suppress(ValueError):  # a name that no file has, such as r5-3
                found[path] = as_range(match[1] if match else "")
        return found
