"""The worker as a process: what it is told, and what ends with it. Starting one takes seconds."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from support.processes import alive, children, descendants, wait_until

from dcbench.engine.jobs import CondenseJob
from dcbench.engine.plan.planner import Planner
from dcbench.engine.plan.request import make_request
from dcbench.engine.registry import Registry, load_registry
from dcbench.engine.store.store import Store
from dcbench.engine.work.run_job import Order
from dcbench.engine.work.runtime import Runtime

pytestmark = [pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc"), pytest.mark.slow]

COMMAND = [sys.executable, "-P", "-m", "dcbench.engine.work.worker"]


@pytest.fixture(scope="module")
def registry(toys: Path) -> Registry:
    return load_registry()


@pytest.fixture
def order(registry: Registry, tmp_path: Path) -> Any:
    """Return the order to condense with a method, as a line."""

    def order(method: str, seed: int = 0) -> bytes:
        request = make_request(
            methods=method, datasets="toy", evaluators="count", ipc=1, seeds=seed, data=tmp_path / "data"
        )
        job = CondenseJob(cell=Planner(request, registry).cells()[0].cell)
        made = Order(job=job, results=tmp_path / "results", data=request.data, runtime=Runtime())
        return made.model_dump_json().encode() + b"\n"

    return order


class Worker:
    """A worker that has said that it is ready."""

    def __init__(self, stdin: int | BinaryIO = subprocess.PIPE) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, str(os.getpid())], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.heard: list[str] = []

    def say(self, words: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(words)
        self.process.stdin.flush()

    def hear(self, *until: str) -> dict[str, Any]:
        """Return the next event, or the next of those named."""
        assert self.process.stdout is not None
        while line := self.process.stdout.readline():
            event: dict[str, Any] = json.loads(line)
            if event["event"] != "progress":
                self.heard.append(event["event"])
            if not until or event["event"] in until:
                return event
        raise EOFError(f"after {self.heard}")


@contextmanager
def started(stdin: int | BinaryIO = subprocess.PIPE) -> Iterator[Worker]:
    worker = Worker(stdin)
    try:
        worker.hear("ready")
        yield worker
    finally:
        worker.process.kill()
        with worker.process:
            pass


@pytest.fixture(scope="module")
def daemons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The file in which ``toy-bad[how=daemons]`` notes what it has started."""
    with pytest.MonkeyPatch.context() as patch:
        path = tmp_path_factory.mktemp("daemons") / "ids.txt"
        patch.setenv("TOY_DAEMONS", str(path))
        yield path


@pytest.fixture(scope="module")
def shared(toys: Path, daemons: Path) -> Iterator[Worker]:
    """One worker for all tests that leave it ready for the next order."""
    with started() as worker:
        yield worker


@pytest.fixture
def worker(shared: Worker) -> Worker:
    shared.heard.clear()
    return shared


def test_a_late_stop_is_ignored_and_what_cannot_be_read_is_explained(worker: Worker) -> None:
    worker.say(b"stop\nnonsense\n")
    assert worker.hear("failed")["error"] == "ValidationError"
    worker.hear("ended")
    assert worker.heard == ["started", "failed", "ended"]


def test_a_stop_right_after_the_start_is_obeyed_at_once(worker: Worker, order: Any) -> None:
    line, took = order("toy-slow[iterations=1000]"), []
    for _ in range(40):
        worker.say(line)
        worker.hear("started")
        begun = time.monotonic()
        worker.say(b"stop\n")
        assert worker.hear("stopped", "ended")["event"] == "stopped"
        took.append(time.monotonic() - begun)
    assert sorted(took)[-3] < 2, "a job takes 50 seconds"


def test_an_order_that_comes_during_a_job_is_no_word_to_stop(worker: Worker, order: Any) -> None:
    worker.say(order("toy-slow") + order("toy-first"))
    for _ in range(2):
        worker.hear("ended")
    worker.say(order("toy-slow[iterations=1000]") + order("toy-first", seed=1) + b"stop\n")
    worker.hear("ended")
    done = ["started", "finished", "ended"]
    assert worker.heard == [*done, *done, "started", "stopped", *done]


@pytest.mark.parametrize("kind", ["a pipe", "a socket", "a device", "a folder"])
def test_what_stands_in_the_place_of_a_log_is_named_and_nothing_hangs(
    worker: Worker, order: Any, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = order("toy-first")
    made = Order.model_validate_json(line)
    log = Store(made.results).log(made.job)
    log.parent.mkdir(parents=True)
    monkeypatch.chdir(log.parent)  # the whole path is too long for the name of a socket
    with socket.socket(socket.AF_UNIX) as listening:
        match kind:
            case "a pipe":
                os.mkfifo(log)
            case "a socket":
                listening.bind(log.name)
            case "a device":
                log.symlink_to("/dev/null")
            case _:
                log.mkdir()
        worker.say(line)
        failed = worker.hear("failed", "finished")
    assert (
        failed["message"] == f"{log} is in the place of the job's log and must be moved away: it is {kind}, not a file"
    )
    assert worker.hear("ended")["signal"] == ""
    worker.say(order("toy-first", seed=1))
    assert worker.hear("failed", "finished")["event"] == "finished", "the worker goes on"
    worker.hear("ended")


def test_orders_may_come_from_a_file(order: Any, tmp_path: Path) -> None:
    (tmp_path / "orders").write_bytes(order("toy-slow") + order("toy-first"))
    with (tmp_path / "orders").open("rb") as orders, started(orders) as worker:
        for _ in range(2):
            worker.hear("ended")
        assert worker.process.wait(10) == 0
    assert worker.heard == ["ready", *["started", "finished", "ended"] * 2]


def test_a_worker_whose_front_end_is_dead_before_it_begins_ends_at_once() -> None:
    begun = time.monotonic()
    done = subprocess.run([*COMMAND, "1"], stdin=subprocess.PIPE, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, b"")
    assert time.monotonic() - begun < 3, "before it imports anything"


FRONT_END = f"""
import os, subprocess, sys, time
command = {COMMAND!r} + [str(os.getpid())]
subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
time.sleep(600)
"""


@pytest.mark.parametrize("pause", [0.0, 0.3])
def test_a_worker_that_is_still_importing_ends_with_its_front_end(pause: float) -> None:
    with subprocess.Popen([sys.executable, "-c", FRONT_END]) as front_end:
        wait_until(lambda: descendants(front_end.pid))
        time.sleep(pause)
        (worker,) = descendants(front_end.pid)
        front_end.kill()
    wait_until(lambda: not alive(worker), 1)


def start_daemons(worker: Worker, log: Path, line: bytes) -> list[int]:
    log.unlink(missing_ok=True)
    worker.say(line)
    wait_until(lambda: log.exists() and len(log.read_text().split()) == 2)
    return [int(pid) for pid in log.read_text().split()]


@pytest.mark.parametrize("how", ["ends", "is stopped"])
def test_what_a_job_has_started_ends_with_it_whatever_group_it_leads(
    worker: Worker, order: Any, daemons: Path, how: str
) -> None:
    if how == "ends":
        started = start_daemons(worker, daemons, order("toy-bad[how=daemons]"))
        worker.hear("ended")
    else:
        started = start_daemons(worker, daemons, order("toy-bad[how=daemons-and-hang]"))
        assert all(map(alive, started))
        worker.say(b"stop\n")
        worker.hear("stopped")
    assert not any(map(alive, started))
    assert children(worker.process.pid) == []


@pytest.mark.parametrize("how", ["hangs up", "is killed"])
def test_what_a_job_has_started_ends_with_the_front_end(order: Any, daemons: Path, how: str) -> None:
    with started() as worker:
        left = start_daemons(worker, daemons, order("toy-bad[how=daemons-and-hang]"))
        left += descendants(worker.process.pid)
        if how == "hangs up":
            assert worker.process.stdin is not None
            worker.process.stdin.close()
        else:  # the kernel then sends this
            worker.process.send_signal(signal.SIGTERM)
        assert worker.process.wait(10) == 0
        assert not any(map(alive, left))
