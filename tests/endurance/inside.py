"""The whole bench inside one process, so that a run costs hundredths of a second, and what it must have made."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from PIL import Image
from support.toys import install_toys

from dcbench.engine import run as engine_run
from dcbench.engine.executors.schedule import Event, Failed, Finished, Schedule, Started
from dcbench.engine.plan.request import make_request
from dcbench.engine.registry import Registry, load_registry
from dcbench.engine.store.failures import Failure
from dcbench.engine.store.sets import read_condensed
from dcbench.engine.store.store import Store
from dcbench.engine.store.tensors import hash_set
from dcbench.engine.work.run_job import Order, run_job

SLOW = "toy-slow[iterations=6,pause=0]"


class Inside:
    """An executor that does each job in this process."""

    def __init__(self, slots: Any, results: Path, data: Path, timeout: float | None = None, **_: bool) -> None:
        self._runtime = slots[0].model_copy(update={"checkpoint_seconds": 0.0, "threads": 1})
        self._results, self._data = results, data

    def run(self, schedule: Schedule) -> Iterator[Event]:
        while (job := schedule.take()) is not None:
            yield Started(job, 0)
            order = Order(job=job, results=self._results, data=self._data, runtime=self._runtime)
            try:
                path = run_job(order, load_registry_once(), lambda *_: None)
            except Exception as error:
                yield Failed(job, 0, Failure(type(error).__name__, str(error)), schedule.fail(job))
            else:
                schedule.finish(job)
                yield Finished(job, 0, path, 0.0)


_registry: list[Registry] = []


def load_registry_once() -> Registry:
    if not _registry:
        _registry.append(load_registry())
    return _registry[0]


def set_up(home: Path) -> None:
    """Make this process ready: toy plug-ins, one thread, caches of its own, and an image folder."""
    torch.set_num_threads(1)
    toys = install_toys(home / "toys")
    sys.path.insert(0, str(toys))
    os.environ["PYTHONPATH"] = os.pathsep.join([str(toys), *filter(None, [os.environ.get("PYTHONPATH")])])
    os.environ["DCBENCH_CACHE"] = str(home / "cache")
    engine_run.LocalExecutor = Inside  # type: ignore[misc,assignment]
    for split, count in (("train", 3), ("test", 1)):
        for label, name in enumerate("ab"):
            folder = home / "pictures" / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                Image.new("L", (8, 8), 20 * number + 100 * label + 7).save(folder / f"{number}.png")
    load_registry_once()


@contextmanager
def home_in_memory() -> Iterator[Path]:
    """Yield a folder on a disk in memory where there is one: there syncing costs nothing."""
    place = "/dev/shm" if os.path.isdir("/dev/shm") and os.access("/dev/shm", os.W_OK) else None  # noqa: PTH112
    with tempfile.TemporaryDirectory(prefix="dcbench-endurance-", dir=place) as folder:
        yield Path(folder)


def requests(home: Path, results: Path) -> list[Any]:
    """Return the requests of the grid: toys and a folder of images, at once and in parts."""
    common = {"results": results, "data": home / "data", "repeats": 2, "evaluators": "count", "device": "cpu", "ipc": 1}
    folder = f"folder:{home / 'pictures'}[name=pictures]"
    return [
        make_request(datasets="toy", methods=f"toy-first,{SLOW}", snapshots=True, **common, existing="retry-failed"),
        make_request(datasets=folder, methods="toy-first", **common, existing="retry-failed"),
    ]


def run(home: Path, results: Path) -> list[str]:
    """Run the grid; return what failed, one line each."""
    failed: list[str] = []
    for request in requests(home, results):
        with engine_run.prepare(request, load_registry_once()) as prepared:
            outcome = engine_run.run_plan(prepared, lambda _: None)
            failed += [f"{job.action}: {failure}" for job, failure in outcome.failed]
    return failed


Numbers = dict[tuple[Any, ...], float]


def numbers(results: Path) -> Numbers:
    """Return every number of a results folder, by what it is."""
    from dcbench.report.results import frame

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = frame(results)
    keys = ["digest", "evaluator_label", "metric", "repeat", "step"]
    return {tuple(map(str, row[:-1])): float(row[-1]) for row in table[[*keys, "value"]].itertuples(index=False)}


def pixels(results: Path) -> dict[str, str]:
    """Return a hash of what each condensed set holds."""
    found = {}
    for path in Store(results).all_condensed():
        found[path.name] = hash_set(read_condensed(path).condensed)
    return found


def forked(act: Callable[[], object]) -> int:
    """Run *act* in a forked process; return its id."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            act()
            code = 0
        finally:
            os._exit(code)
    return child
