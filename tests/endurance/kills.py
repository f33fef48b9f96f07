"""Runs that are killed, again and again, at moments drawn at random: nothing that was finished may be lost or wrong."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

from endurance.inside import forked, numbers, pixels, run


@dataclass
class Told:
    """What came of it."""

    done: int = 0
    hit: int = 0
    """How many were killed in the middle of their work; the others had just ended."""
    wrong: list[str] = field(default_factory=list)


def kill(home: Path, count: int, seed: int = 0) -> Told:
    """Kill *count* runs in their work, each by SIGKILL; look at the store after each, and finish it at the end."""
    draw, told, results = random.Random(seed), Told(), home / "killed"
    run(home, home / "reference")
    right, sets = numbers(home / "reference"), pixels(home / "reference")
    started = time.monotonic()
    run(home, home / "timed")
    takes = time.monotonic() - started
    finished: set[object] = set()
    while told.hit < count:
        child = forked(lambda: run(home, results))
        time.sleep(draw.uniform(0, 0.7 * takes))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        told.done += 1
        told.hit += os.WIFSIGNALED(status)
        found, made = numbers(results) if results.exists() else {}, pixels(results) if results.exists() else {}
        told.wrong += _differences(found, right, "number") + _differences(made, sets, "set")
        now = {*found, *made}
        told.wrong += [f"lost after kill {told.done}: {one}" for one in finished - now]
        told.wrong += [f"taken for damaged: {path.name}" for path in results.rglob("*.corrupt")]
        finished = now
        if len(now) == len(right) + len(sets):
            shutil.rmtree(results)
            finished = set()
    told.wrong += run(home, results)
    if numbers(results) != right or pixels(results) != sets:
        told.wrong.append("the finished store differs from the one of a run that was not killed")
    told.wrong += [f"left behind: {path.name}" for path in results.rglob(".*") if path.is_file()]
    return told


def _differences(found: dict, right: dict, what: str) -> list[str]:  # type: ignore[type-arg]
    return [f"wrong {what}: {key}" for key, value in found.items() if right.get(key) != value]
