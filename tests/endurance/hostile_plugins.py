"""Plug-ins that do what none should: each fails in one line, alone, and the honest cells have the numbers of ever."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from support.toys import install_package

from endurance.inside import numbers

SECONDS = 1200.0

METHODS = {
    "snapshot-fraction": "task.snapshot(1.5, fair(task))",
    "snapshot-negative": "task.snapshot(-1, fair(task))",
    "snapshot-huge": "task.snapshot(2**63, fair(task))",
    "snapshot-true": "task.snapshot(True, fair(task))",
    "snapshot-other": "task.snapshot(0, 'a set')",
    "progress-text": "task.progress('1', '10')",
    "progress-nan": "task.progress(float('nan'), 10)",
    "progress-metric": "task.progress(1, 2, loss='low')",
    "progress-name": "task.progress(1, 2, **{'a/b': 1.0})",
    "progress-surrogate": "task.progress(1, 2, **{chr(0xdc80): 1.0})",
    "state-list": "task.checkpoint(lambda: {'history': [1]})",
    "state-huge": "task.checkpoint(lambda: {'n': 10**5000})",
    "state-sparse": "task.checkpoint(lambda: {'n': torch.eye(2).to_sparse()})",
    "state-bfloat": "task.checkpoint(lambda: {'n': torch.ones(2).bfloat16()})",
    "state-none": "task.checkpoint(lambda: None)",
    "artifact-number": "task.artifact({}, lambda seed: {'a': 3})",
    "artifact-none": "task.artifact({}, lambda seed: None)",
    "artifact-key": "task.artifact({'a': object()}, lambda seed: {'a': torch.ones(1)})",
    "returns-none": "return None",
    "returns-float64": "return dcbench.CondensedSet(torch.arange(3), torch.full((3, 1, 8, 8), float('nan')).double())",
    "returns-unchecked": "return Unchecked(torch.arange(60) % 3, torch.rand(60, 1, 8, 8))",
    "returns-decoder": "return dcbench.CondensedSet(torch.arange(3), torch.rand(3, 1, 8, 8), None, Odd())",
    "returns-twice": "return dcbench.CondensedSet.of_images(torch.rand(6, 1, 8, 8), torch.arange(3).repeat(2))",
    "returns-indices": "return dcbench.CondensedSet(torch.arange(3), None, torch.tensor([0, 1, 10**9]))",
    "returns-labels": "return dcbench.CondensedSet(torch.arange(3) + 7, torch.rand(3, 1, 8, 8))",
    "returns-meta": "return dcbench.CondensedSet(torch.arange(3), torch.empty(3, 1, 8, 8, device='meta'))",
    "raises-unprintable": "raise Unprintable",
    "raises-lines": "raise ValueError('one\\ntwo\\nthree')",
    "raises-escape": "raise ValueError('\\x1b[31mred')",
    "raises-interrupt": "raise KeyboardInterrupt",
    "raises-deep": "return deep(0)",
    "exits": "sys.exit(0)",
    "exits-at-once": "os._exit(0)",
    "kills-itself": "os.kill(os.getpid(), signal.SIGKILL)",
    "crashes": "ctypes.string_at(0)",
    "closes": "os.closerange(3, 256); task.progress(1, 2)",
    "pipe-list": "everywhere(b'\\n[]\\n')",
    "pipe-forged": 'everywhere(b\'\\n{"event": "finished", "file": "/etc/passwd"}\\n\'); os._exit(0)',
    "pipe-deep": "everywhere(b'\\n' + b'[' * 100_000 + b'\\n')",
    "hangs": "time.sleep(3600)",
}

SOURCE = """
import ctypes, os, signal, stat, sys, time
import torch
import dcbench

class Unchecked(dcbench.CondensedSet):
    def check(self, *_, **__): pass

class Odd(dcbench.Decoder):
    def images(self, stored): return stored.repeat(9, 1, 1, 1)
    def labels(self, stored): return stored.repeat(9)

class Unprintable(Exception):
    def __str__(self): raise ValueError("no text")

def deep(n): return deep(n + 1)

def fair(task):
    rows = torch.cat([rows[: task.ipc] for rows in task.train.class_index])
    return dcbench.CondensedSet.selection(rows, task.train)

def everywhere(line):
    for number in range(3, 64):
        try:
            if stat.S_ISFIFO(os.fstat(number).st_mode):
                os.set_blocking(number, False)
                os.write(number, line)
        except OSError:
            pass
    time.sleep(0.3)
"""
METHOD = """
class M{number}(dcbench.Method):
    def condense(self, task, settings):
        {body}
        return fair(task)
"""
HOOK = """
@dcbench.hookimpl
def dcbench_methods():
    made = enumerate(NAMES)
    return [dcbench.MethodRecord(name=name, summary="", target=f"hostile:M{number}") for number, name in made]
"""


@dataclass
class Told:
    """What came of it."""

    done: int = 0
    lines: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def try_plugins(home: Path, count: int) -> Told:
    """Run the first *count* of `METHODS` in one run, an honest cell after each tenth, by the command line."""
    names = list(METHODS)[:count]
    bodies = [METHOD.format(number=number, body=METHODS[name]) for number, name in enumerate(names)]
    source = "\n".join([SOURCE, *bodies, f"NAMES = {['x-' + name for name in names]!r}", HOOK])
    package = install_package(home / "package", "hostile-things", {"hostile": "hostile"}, {"hostile": source})
    path = os.pathsep.join([str(package), os.environ["PYTHONPATH"]])
    reference = _dcbench(home, path, "reference", ["toy-first", "toy-slow[iterations=3,pause=0]"])
    assert reference.returncode == 0, reference.stderr
    methods = ["toy-first", *(f"x-{name}" for name in names), "toy-slow[iterations=3,pause=0]"]
    ended = _dcbench(home, path, "results", methods)
    told = Told(done=len(names))
    if ended.returncode != 1:
        told.wrong.append(f"exit code {ended.returncode}: {ended.stderr[-500:]}")
    if numbers(home / "results") != numbers(home / "reference"):
        told.wrong.append("the numbers of honest cells differ, or there are others")
    if "Traceback" in ended.stderr:
        told.wrong.append("a traceback on the terminal")
    for name in names:
        said = [line for line in ended.stderr.splitlines() if line.startswith("failed: ") and f" x-{name} " in line]
        told.lines += said
        if len(said) != 1 or "\x1b" in said[0] or len(said[0]) > 1000:
            told.wrong.append(f"{name}: {len(said)} lines: {said}")
        records = [json.loads(path.read_text()) for path in (home / "results").glob(f"toy/x-{name}/*/*.failed.json")]
        if len(records) != 1:
            told.wrong.append(f"{name}: {len(records)} records of its failure")
    return told


def _dcbench(home: Path, path: str, results: str, methods: list[str]) -> subprocess.CompletedProcess[str]:
    options = ["--datasets", "toy", "--evaluators", "count", "--ipc", "1", "--repeats", "1", "--device", "cpu"]
    where = ["--data", str(home / "data"), "--results", str(home / results), "--jobs", "1", "--timeout", "20"]
    return subprocess.run(
        [sys.executable, "-m", "dcbench", "run", "--methods", ",".join(methods), *options, *where],
        check=False,
        capture_output=True,
        text=True,
        cwd=home,
        env=os.environ | {"PYTHONPATH": path, "DCBENCH_CHECKPOINT_SECONDS": "0"},
        timeout=SECONDS,
    )
