"""What is read from the pipe of a job or of a worker, which anything may have been written to."""

from __future__ import annotations

import json
import math
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcbench.engine.work.messages import (
    LONGEST_LINE,
    Advanced,
    Ended,
    InvalidEventError,
    Lines,
    Made,
    describe_error,
    read_job_event,
    read_worker_event,
)

GOOD = [
    {"event": "progress", "step": 1, "total": 2, "metrics": {"loss": 0.5, "n": 3}},
    {"event": "progress", "step": 1, "total": 2, "metrics": {}, "doing": "reading birds"},
    {"event": "finished", "file": "x.h5"},
    {"event": "finished", "file": "x.h5", "fallbacks": ["no compiler"]},
    {"event": "failed", "error": "ValueError", "message": "no luck", "traceback": ""},
]
OF_WORKERS = [
    {"event": "ready"},
    {"event": "started"},
    {"event": "stopped"},
    {"event": "ended", "signal": "SIGKILL", "code": -9},
]
BAD = [
    b"[]",
    b"null",
    b"1",
    b'"started"',
    b"{}",
    b"nonsense",
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b'{"event":"progress"}',
    b'{"event":"progress","step":"1","total":"10","metrics":{}}',
    b'{"event":"progress","step":1.5,"total":10,"metrics":{}}',
    b'{"event":"progress","step":-1,"total":10,"metrics":{}}',
    b'{"event":"progress","step":1,"total":1e400,"metrics":{}}',
    b'{"event":"progress","step":1,"total":' + b"9" * 5000 + b',"metrics":{}}',
    b'{"event":"progress","step":1,"total":2,"metrics":{"loss":"low"}}',
    b'{"event":"progress","step":1,"total":2,"metrics":[]}',
    b'{"event":"progress","step":1,"total":2,"metrics":{},"doing":1}',
    b'{"event":"finished"}',
    b'{"event":"finished","file":3}',
    b'{"event":"finished","file":"x.h5","more":1}',
    b'{"event":"failed","error":"E"}',
    b'{"event":"sing"}',
    b'{"event":["ready"]}',
    b'{"event":"finis',
]


@pytest.mark.parametrize("said", [*GOOD, *OF_WORKERS], ids=lambda said: said["event"])
def test_an_event_comes_back(said: dict[str, object]) -> None:
    assert read_worker_event(json.dumps(said).encode()).model_dump(exclude_unset=True) == said


@pytest.mark.parametrize("said", OF_WORKERS, ids=lambda said: str(said["event"]))
def test_how_a_job_ended_is_not_for_the_job_to_say(said: dict[str, object]) -> None:
    with pytest.raises(InvalidEventError, match="is not an event"):
        read_job_event(json.dumps(said).encode())


@pytest.mark.parametrize("line", BAD, ids=lambda line: ascii(line[:40].decode(errors="replace")))
def test_what_is_no_event_is_refused_in_one_line(line: bytes) -> None:
    for read in (read_job_event, read_worker_event):
        with pytest.raises(InvalidEventError) as caught:
            read(line)
        assert str(caught.value).isascii()
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 500


@given(st.binary(max_size=60))
def test_no_bytes_do_more_than_be_refused(line: bytes) -> None:
    with pytest.raises(InvalidEventError):
        read_worker_event(line)


def test_a_metric_may_be_no_number() -> None:
    line = json.dumps({"event": "progress", "step": 1, "total": 2, "metrics": {"a": math.nan, "b": math.inf}})
    event = read_job_event(line.encode())
    assert isinstance(event, Advanced)
    assert math.isnan(event.metrics["a"])
    assert event.metrics["b"] == math.inf


@given(
    st.lists(st.binary(min_size=1, max_size=9).filter(lambda line: b"\n" not in line), max_size=9), st.integers(1, 9)
)
def test_lines_come_back_whatever_the_blocks_are(lines: list[bytes], size: int) -> None:
    text, reader = b"".join(line + b"\n" for line in lines), Lines()
    blocks = [text[start : start + size] for start in range(0, len(text), size)]
    assert [line for block in blocks for line in reader.feed(block)] == lines


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_line_without_an_end_is_not_kept_in_memory(end: bytes) -> None:
    reader, block = Lines(), b"x" * (1 << 16)
    for _ in range(LONGEST_LINE // len(block)):
        assert reader.feed(block) == []
    with pytest.raises(InvalidEventError, match="more than 1,048,576 bytes"):
        reader.feed(b"x" + end)


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("no luck"), "no luck"),
        (SystemExit("it leaves"), "the plug-in called sys.exit(it leaves)"),
        (MemoryError(), "memory ran out"),
        (UnprintableError(), "its message cannot be shown: ValueError"),
        (ValueError("🎲" * 10**7), "🎲" * 4000 + "..."),
    ],
    ids=["short", "exit", "memory", "unprintable", "long"],
)
def test_what_an_exception_says_fits_into_a_line(error: BaseException, message: str) -> None:
    try:
        raise error
    except BaseException as raised:
        facts = describe_error(raised, traceback.format_exc())
    assert facts["message"] == message
    line = json.dumps({"event": "failed", **facts}).encode()
    assert len(line) < LONGEST_LINE
    read_job_event(line)


def test_types_tell_events_apart() -> None:
    assert isinstance(read_worker_event(json.dumps(GOOD[2]).encode()), Made)
    assert isinstance(read_worker_event(json.dumps(OF_WORKERS[-1]).encode()), Ended)
