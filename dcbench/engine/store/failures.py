"""The last failure of a job: its error, its traceback, and the end of its log."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from dcbench.engine.identity import ABOUT
from dcbench.engine.jobs import EvaluateJob, Job
from dcbench.engine.ranges import as_range, range_text
from dcbench.engine.store.atomic import replacing
from dcbench.engine.store.facts import FailureFacts, check_facts, check_failure_name
from dcbench.engine.store.guards import CorruptFileError, UnreadableFileError, check_is_file, read_json
from dcbench.engine.store.names import FAILED, CellFiles, ending_of

_CHECKSUM = "sha256"
_LOG_LIMIT = 256 * 1024  # bytes kept of what a failed job printed: its end


@dataclass(frozen=True)
class Failure:
    """Why a job did not finish."""

    error: str
    """Name of the exception, or ``Killed``, ``Timeout``."""
    message: str
    traceback: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        first = self.message.strip().splitlines()
        return f"{self.error}: {first[0]}" if first else self.error


def write_failure(path: Path, job: Job, failure: Failure) -> None:
    """Write *failure* of *job* to *path*, whole or not at all.

    Raises:
        OSError: it cannot be written, as on a full disk.
    """
    facts = job.cell.facts()
    about = {name: facts[name] for name in ABOUT}
    about |= {"job": job.name, "time": datetime.now(UTC).isoformat(timespec="seconds")} | asdict(failure)
    if isinstance(job, EvaluateJob):
        about["repeats"] = range_text(job.repeats)
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(about | {_CHECKSUM: _hash(about)}, indent=1) + "\n")


def read_failure(path: Path) -> dict[str, Any]:
    """Return what `write_failure` kept; an unreadable record still counts as a failure."""
    try:
        return load_failure(path)
    except (OSError, UnreadableFileError) as error:
        return {"error": "Unreadable", "message": f"{path.name}: {error}"}


def load_failure(path: Path) -> dict[str, Any]:
    """Return what `write_failure` kept.

    Raises:
        CorruptFileError: it is damaged, or the record of another job than its name says.
        UnreadableFileError: it is not a file, or the system refuses it.
        FileNotFoundError: there is none.
    """
    try:
        facts: dict[str, Any] = read_json(path)
        check_facts(facts, FailureFacts)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnreadableFileError(path, error.strerror or error) from error
    except ValueError as error:
        raise CorruptFileError(path, error) from error
    checksum = facts.pop(_CHECKSUM, None)  # older records have none
    if checksum is not None and checksum != _hash(facts):
        raise CorruptFileError(path, "it fails its checksum")
    check_failure_name(path, facts)
    return facts


def _hash(facts: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def overcome(failure: Path) -> bool:
    """Return whether what a job failed to make is there after all, since another run made it.

    Args:
        failure: the record of the failure.
    """
    files = CellFiles(failure.with_name(failure.name.partition(".")[0]))
    made = files.overcoming(failure)
    if made:
        return any(path.exists() for path in made)
    failed = read_failure(failure).get("repeats")
    trial = ending_of(failure).removesuffix(f".{FAILED}")
    return failed is not None and set(as_range(failed)) <= set(chain.from_iterable(files.evaluations(trial).values()))


def shorten_log(log: Path) -> None:
    """Keep the end of the file *log*, if it is there and long: it may hold gigabytes of warnings."""
    try:
        size = check_is_file(log)
    except (FileNotFoundError, UnreadableFileError):
        return
    if size > _LOG_LIMIT:
        with log.open("rb") as file:
            file.seek(-_LOG_LIMIT, 2)
            end = file.read()
        with replacing(log) as temporary:
            temporary.write_bytes(b"[...]\n" + end)
