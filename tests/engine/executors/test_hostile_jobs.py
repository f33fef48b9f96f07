"""Jobs that write to whatever they can reach: each fails alone, in one line, and the front end goes on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support.toys import install_package

from dcbench.engine.executors.schedule import Event, Failed, Finished
from dcbench.engine.plan.request import make_request
from dcbench.engine.registry import load_registry
from dcbench.engine.run import Outcome, prepare, run_plan
from dcbench.engine.store.store import Store

pytestmark = [pytest.mark.skipif(sys.platform != "linux", reason="needs a child for each job"), pytest.mark.slow]

LIAR = """
import json, os, stat
import dcbench
import torch

class UnprintableError(Exception):
    def __str__(self):
        raise ValueError("no text")

def write(*lines):
    for descriptor in range(3, 64):
        try:
            if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
                for line in lines:
                    while line:
                        line = line[os.write(descriptor, line):]
        except OSError:
            pass

def event(**facts):
    return json.dumps(facts).encode() + b"\\n"

class Liar(dcbench.Method):
    class Settings(dcbench.Settings):
        how: str = ""

    def condense(self, task, settings):
        match settings.how:
            case "text": task.progress("1", "10")
            case "fraction": task.progress(1.5, 10)
            case "huge": task.progress(1, 10**30)
            case "negative": task.progress(-1, 10)
            case "metric": task.progress(1, 10, loss="low")
            case "snapshot": task.snapshot(1.5, self.first(task))
            case "list": write(b"[]\\n")
            case "half": write(b'{"event":"progress"}\\n')
            case "deep": write(b"[" * 100_000 + b"\\n")
            case "endless": write(b"x" * 2**28)
            case "ended": write(event(event="ended", signal="", code=0))
            case "stopped": write(event(event="stopped"))
            case "forged":
                write(event(event="finished", file="/etc/passwd"))
                os._exit(0)
            case "early":
                write(event(event="finished", file=os.environ["LIAR_PLANNED"]))
                os._exit(0)
            case "closes": os.closerange(3, 64); task.progress(1, 1)
            case "unprintable": raise UnprintableError
            case "long": raise ValueError("x" * 10**8)
            case "fine":
                task.progress(torch.tensor(1), torch.tensor(2), loss=torch.tensor(float("nan")))
                task.progress(5, 0)
        if settings.how not in ("fine", "snapshot"):
            task.progress(1, 1)
        return self.first(task)

    def first(self, task):
        rows = torch.cat([rows[: task.ipc] for rows in task.train.class_index])
        return dcbench.CondensedSet.selection(rows, task.train)

@dcbench.hookimpl
def dcbench_methods():
    return [dcbench.MethodRecord(name="liar", summary="", target="liar:Liar")]
"""

COUNT = "is a whole number from 0 on, not"
NO_EVENT = "InvalidEvent: the job wrote to the pipe that its events go through: "
REASONS = {
    "text": f"DcbenchError: progress: step {COUNT} '1'",
    "fraction": f"DcbenchError: progress: step {COUNT} 1.5",
    "huge": f"DcbenchError: progress: total {COUNT} 1000000000000000000000000000000",
    "negative": f"DcbenchError: progress: step {COUNT} -1",
    "metric": "DcbenchError: progress: the metric loss is a number, not 'low'",
    "snapshot": f"DcbenchError: snapshot: step {COUNT} 1.5",
    "list": f"{NO_EVENT}the line '[]' is not an event",
    "half": f'{NO_EVENT}the line \'{{"event":"progress"}}\' is not an event',
    "deep": f"{NO_EVENT}the line '{'[' * 60}'... is not an event",
    "endless": f"{NO_EVENT}a line has more than 1,048,576 bytes",
    "ended": f'{NO_EVENT}the line \'{{"event": "ended", "signal": "", "code": 0}}\' is not an event',
    "stopped": f'{NO_EVENT}the line \'{{"event": "stopped"}}\' is not an event',
    "forged": "InvalidEvent: the job reports that it made /etc/passwd; it was to make {planned}",
    "early": "InvalidEvent: the job reports that it finished, and {planned} is not there",
    "closes": "Killed: the job ended with code 1; the end of its log may show why",
    "unprintable": "UnprintableError: its message cannot be shown: ValueError",
    "long": f"ValueError: {'x' * 4000}...",
}


@pytest.fixture(scope="module")
def ran(toys: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Event], Outcome]:
    """One run in which an honest cell comes after each lie."""
    folder = tmp_path_factory.mktemp("liars")
    install_package(folder / "package", "liars", {"liar": "liar"}, {"liar": LIAR})
    methods = [f"liar[how={how}]" for how in [*REASONS, "fine", "nothing"]]
    events: list[Event] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder / "package"))
        patch.setenv("PYTHONPATH", str(folder / "package"), prepend=":")
        request = make_request(
            methods=methods, datasets="toy", evaluators="count", ipc=1, repeats=1, jobs=1, timeout=60, device="cpu",
            data=folder / "data", results=folder / "results",
        )  # fmt: skip
        with prepare(request, load_registry()) as prepared:
            (early,) = (planned for planned in prepared.plan if planned.cell.method.settings["how"] == "early")
            patch.setenv("LIAR_PLANNED", str(Store(folder / "results").condensed(early.cell)))
            outcome = run_plan(prepared, events.append)
    return events, outcome


@pytest.mark.parametrize("how", REASONS)
def test_a_job_that_lies_fails_in_one_line(ran: tuple[list[Event], Outcome], how: str) -> None:
    (event,) = (one for one in ran[0] if isinstance(one, Failed) and one.job.cell.method.settings["how"] == how)
    planned = Store(ran[1].results).result(event.job)
    assert str(event.failure) == REASONS[how].replace("{planned}", str(planned))


def test_the_others_are_finished(ran: tuple[list[Event], Outcome]) -> None:
    finished = [event.job.cell.method.settings["how"] for event in ran[0] if isinstance(event, Finished)]
    assert finished == ["fine", "fine", "nothing", "nothing"]
    assert (ran[1].finished, len(ran[1].failed)) == (4, len(REASONS))
