"""Events of workers and jobs: one JSON object a line, read in bounded memory and checked by the reader."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

LONGEST_LINE = 1 << 20
"""Bytes of the longest line that is read. `describe_error` keeps every regular event far below."""
_LONGEST_MESSAGE, _LONGEST_TRACEBACK = 4_000, 40_000  # characters, each of which JSON may write as twelve

Event = TypeVar("Event")
Count = Annotated[int, Field(ge=0, lt=2**63)]


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Ready(_Event):
    """The worker takes orders."""

    event: Literal["ready"]


class Began(_Event):
    """The worker has begun a job."""

    event: Literal["started"]


class Advanced(_Event):
    """A job has come further."""

    event: Literal["progress"]
    step: Count
    total: Count
    metrics: dict[str, float]
    doing: str = ""
    """What the steps are of, such as reading a dataset; empty where they are those of the job itself."""


class Made(_Event):
    """A job reports that it has made its file. The front end checks that the file is there."""

    event: Literal["finished"]
    file: str
    fallbacks: list[str] = []
    """What was done in another way than it was asked for, see `dcbench.api.ran`."""


class Raised(_Event):
    """A job has failed."""

    event: Literal["failed"]
    error: str
    message: str
    traceback: str


class Stopped(_Event):
    """The worker has stopped a job, as it was ordered to."""

    event: Literal["stopped"]


class Ended(_Event):
    """The process of a job has ended."""

    event: Literal["ended"]
    signal: str
    """Name of the signal that killed it; empty if none did."""
    code: int


JobEvent = Advanced | Made | Raised
"""Events of a job. How its process ended is an event of the worker."""
WorkerEvent = Ready | Began | Advanced | Made | Raised | Stopped | Ended
_JOB: TypeAdapter[JobEvent] = TypeAdapter(Annotated[JobEvent, Field(discriminator="event")])
_WORKER: TypeAdapter[WorkerEvent] = TypeAdapter(Annotated[WorkerEvent, Field(discriminator="event")])


class InvalidEventError(Exception):
    """A line that came through a pipe is not an event."""


def read_job_event(line: bytes) -> JobEvent:
    """Return the event in *line*, which code of a plug-in may have written.

    Raises:
        InvalidEventError: it is not an event.
    """
    return _read(_JOB, line)


def read_worker_event(line: bytes) -> WorkerEvent:
    """Return the event in *line*.

    Raises:
        InvalidEventError: it is not an event.
    """
    return _read(_WORKER, line)


def _read(events: TypeAdapter[Event], line: bytes) -> Event:
    try:
        return events.validate_json(line)  # which bounds how deep JSON may be, as json.loads does not
    except ValidationError as error:
        shown = ascii(line[:60].decode(errors="replace"))
        raise InvalidEventError(f"the line {shown}{'...' if len(line) > 60 else ''} is not an event") from error


def describe_error(error: BaseException, traceback: str) -> dict[str, str]:
    """Return the facts of *error* for an event: its name, the head of its message, and the end of *traceback*."""
    try:
        message = str(error)
    except Exception as another:  # an exception of a plug-in may be broken too
        message = f"its message cannot be shown: {type(another).__name__}"
    if isinstance(error, MemoryError) and not message:
        message = "memory ran out"
    if isinstance(error, SystemExit):
        message = f"the plug-in called sys.exit({message})"
    return {
        "error": type(error).__name__[:_LONGEST_MESSAGE],
        "message": message if len(message) <= _LONGEST_MESSAGE else f"{message[:_LONGEST_MESSAGE]}...",
        "traceback": traceback[-_LONGEST_TRACEBACK:],
    }


class Lines:
    """Cuts what comes through a pipe into lines."""

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        """Start with nothing read; hold at most *longest* bytes of a line that has no end yet."""
        self._begun = bytearray()
        self._longest = longest

    def feed(self, block: bytes) -> list[bytes]:
        """Take in *block* and return the lines that are whole now, without their ends; empty ones are left out.

        Raises:
            InvalidEventError: a line is too long.
        """
        self._begun += block
        *lines, rest = self._begun.split(b"\n") if b"\n" in block else (self._begun,)
        self._begun = rest
        if max(map(len, (*lines, rest))) > self._longest:
            raise InvalidEventError(f"a line has more than {self._longest:,} bytes")
        return [bytes(line) for line in lines if line]
