"""Files of every kind that are damaged: a damaged one may cost work, but no number may be wrong or lost."""

from __future__ import annotations

import os
import random
import shutil
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dcbench import DcbenchError
from dcbench.engine.jobs import CondenseJob
from dcbench.engine.plan.planner import Planner
from dcbench.engine.plan.request import make_request
from dcbench.engine.store.failures import Failure
from dcbench.engine.store.names import CellFiles
from dcbench.engine.store.store import Store
from dcbench.engine.store.tensors import write_tensors
from dcbench.engine.work.run_job import Order, run_job
from dcbench.engine.work.runtime import Runtime
from endurance.inside import SLOW, load_registry_once, numbers, pixels, run

KINDS = {
    "set": "results/*/*/*/*.condensed.h5",
    "evaluation": "results/*/*/*/*.r*.h5",
    "part": "results/*/*/*/*.part.h5",
    "checkpoint": "results/*/*/*/*.checkpoint.h5",
    "failure": "results/*/*/*/*.failed.json",
    "log": "results/*/*/*/*.log",
    "artifact": "results/artifacts/*/*.h5",
    "report": "results/reports/*.h5",
    "fingerprints": "cache/fingerprints.json",
    "pixels": "cache/folder/*.npy",
    "seal": "cache/folder/*.sha256",
    "statistics": "cache/folder/*.json",
}
FORMS = ("bit", "bit", "bit", "cut", "zeros", "noise", "empty", "longer", "swapped")


@dataclass
class Told:
    """What came of it."""

    done: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)
    """Runs that stopped with one line: no harm, but worth a look."""
    wrong: list[str] = field(default_factory=list)


def damage(home: Path, count: int, seed: int = 0) -> Told:
    """Damage one file at a time, *count* in all; read the store, let a run mend it, and compare every number."""
    draw, told = random.Random(seed), Told()
    whole, right, sets = _prepare(home)
    for number in range(count):
        _restore(whole, home)
        kind = list(KINDS)[number % len(KINDS)]
        path = draw.choice(sorted(home.glob(KINDS[kind])))
        form = draw.choice(FORMS)
        _damage(path, form, draw, home)
        told.done[kind] += 1
        wrong = _look(home, kind, draw, right, sets, told)
        if number % 100 == 99:
            print(f"{number + 1} done, {len(told.wrong)} wrong", file=sys.stderr, flush=True)
        told.wrong += [f"{number}: {kind} {path.name}, {form}: {each}" for each in wrong]
    return told


def _prepare(home: Path) -> tuple[Path, dict[Any, float], dict[str, str]]:
    """Make a store that has a file of every kind, and keep it whole next to the one that is damaged."""
    results = home / "results"
    run(home, results)
    right, sets = numbers(results), pixels(results)
    store, registry = Store(results), load_registry_once()
    request = make_request(datasets="toy", methods=SLOW, ipc=1, data=home / "data", results=results)
    cell = Planner(request, registry).cells()[0].cell
    order = {"results": results, "data": home / "data", "runtime": Runtime(checkpoint_seconds=0)}
    for classes in (range(1), range(1, 2)):
        run_job(Order(job=CondenseJob(cell=cell, classes=classes), **order), registry, lambda *_: None)
    try:
        run_job(Order(job=CondenseJob(cell=cell), **order), registry, _stop)
    except KeyboardInterrupt:
        store.keep_failure(CondenseJob(cell=cell), Failure("Killed", "by hand"))
        store.log(CondenseJob(cell=cell)).write_text("it printed this\n")
    import torch

    write_tensors(store.artifact("toy", "a.b.c"), {"w": torch.ones(4)}, 1.0, {"package": "a"})
    _store_report(results)
    whole = home.with_name(f"{home.name}-whole")
    for name in ("results", "cache"):
        shutil.copytree(home / name, whole / name)
    missing = [kind for kind, pattern in KINDS.items() if not list(home.glob(pattern))]
    assert not missing, f"no file of the kinds {missing}"
    return whole, right, sets


def _stop(step: int, *_: object) -> None:
    if step == 4:
        raise KeyboardInterrupt


def _store_report(results: Path) -> None:
    from dcbench.report.results import frame
    from dcbench.report.stored import store_report
    from dcbench.report.summary import summarise

    store_report(Store(results).report("mine"), summarise(frame(results)), "a table\n")


def _restore(whole: Path, home: Path) -> None:
    for name in ("results", "cache"):
        shutil.rmtree(home / name, ignore_errors=True)
        shutil.copytree(whole / name, home / name)  # copy2: times stay, so caches are those of the same files


def _damage(path: Path, form: str, draw: random.Random, home: Path) -> None:
    before, content = path.stat(), bytearray(path.read_bytes())
    place = draw.randrange(len(content)) if content else 0
    match form:
        case "bit" if content:
            content[place] ^= 1 << draw.randrange(8)
        case "cut":
            del content[place:]
        case "zeros":
            content[place : place + 64] = bytes(len(content[place : place + 64]))
        case "noise":
            content[place : place + 16] = draw.randbytes(len(content[place : place + 16]))
        case "empty":
            content.clear()
        case "longer":
            content += draw.randbytes(50)
        case "swapped":
            others = [other for other in sorted(home.rglob(f"*{path.suffix}")) if other.is_file() and other != path]
            content = bytearray(draw.choice(others).read_bytes()) if others else content
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _look(
    home: Path, kind: str, draw: random.Random, right: dict[Any, float], sets: dict[str, str], told: Told
) -> list[str]:
    results, wrong = home / "results", []
    _forget()
    try:
        wrong += [f"shows a wrong number: {key}" for key, value in numbers(results).items() if right.get(key) != value]
        if draw.random() < 0.5:  # then sets, parts and checkpoints are needed, and not evaluations alone
            for path in results.glob("*/*/*/*.r*.h5"):
                path.unlink()
        if kind in {"checkpoint", "part"}:
            for path in results.glob("toy/toy-slow/*/*.condensed.h5"):
                path.unlink()
        failed = run(home, results)
        failed = run(home, results) if failed else []  # a job that finds damage fails, and says how to go on
        wrong += [f"failed: {each}" for each in failed]
        _listed(results)
        if numbers(results) != right:
            wrong.append("numbers after the run differ")
        made = pixels(results)  # one that no evaluation needs is not made again
        wrong += [f"holds a wrong set: {name}" for name, value in made.items() if sets.get(name) != value]
    except DcbenchError as error:
        lines = str(error).splitlines()
        (told.refused if len(lines) == 1 else wrong).append(f"{kind}: {error}")
    except Exception as error:
        wrong.append(f"raises {type(error).__name__}: {error}")
    return wrong


def _forget() -> None:
    """Forget what this process has verified, as a new one would."""
    from dcbench_plugins.datasets import folder_seals

    folder_seals._seen.clear()


def _listed(results: Path) -> None:
    import warnings

    from dcbench.report.card import card
    from dcbench.report.results import failures
    from dcbench.report.stored import list_reports

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        failures(results)
        list_reports(Store(results))
        for files in set(map(CellFiles.of, results.glob("*/*/ipc*/s*"))):
            with suppress(DcbenchError):  # a damaged set cannot be shown
                card(files)
