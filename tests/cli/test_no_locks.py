"""File systems without locks, such as NFS and Lustre as many clusters mount them: everything works as elsewhere."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dcbench.engine.store.sets import read_condensed
from dcbench.engine.store.store import Store

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux" or shutil.which("gcc") is None, reason="needs Linux and gcc"),
]

WITHOUT_LOCKS = r"""
#include <errno.h>
#include <stdlib.h>
int flock(int descriptor, int operation) {
  (void)descriptor, (void)operation;
  errno = atoi(getenv("FLOCK_ERRNO"));
  return -1;
}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small image folder, and a library in which no file can be locked."""
    home, draw = tmp_path_factory.mktemp("home"), np.random.default_rng(0)
    for place in ("train/ant", "train/bee", "test/ant", "test/bee"):
        folder = home / "birds" / place
        folder.mkdir(parents=True)
        for number in range(6):
            Image.fromarray(draw.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(folder / f"{number}.png")
    (home / "flock.c").write_text(WITHOUT_LOCKS)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", "flock.so", "flock.c"], cwd=home, check=True)
    return home


def call(home: Path, name: str, *arguments: str, **environment: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-m", "dcbench", *arguments, "--results", name],
        check=False,
        capture_output=True,
        text=True,
        cwd=home,
        env=os.environ | {"DCBENCH_CACHE": str(home / f"{name}-cache")} | environment,
        timeout=300,
    )
    assert (ended.returncode, ended.stderr.count("warning")) == (0, 0), ended.stderr
    return ended.stdout


def run_and_report(home: Path, name: str, **environment: str) -> tuple[str, str]:
    run = ("run", "--methods", "random,herding", "--datasets", "folder:birds[size=8]", "--ipc", "1", "--device", "cpu")
    quick = ("--set", "herding.epochs=1", "--evaluators", "moments", "--repeats", "1")
    table = call(home, name, *run, *quick, **environment)
    return table, call(home, name, "report", "--evaluators", "moments", "--format", "csv", **environment)


@pytest.fixture(scope="module")
def elsewhere(home: Path) -> tuple[str, str]:
    """What a run and a report print where files can be locked."""
    return run_and_report(home, "elsewhere")


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP], ids=errno.errorcode.get)
def test_a_run_and_a_report_give_the_same_as_elsewhere(home: Path, elsewhere: tuple[str, str], number: int) -> None:
    name = errno.errorcode[number]
    environment = {"LD_PRELOAD": str(home / "flock.so"), "FLOCK_ERRNO": str(number)}
    assert run_and_report(home, name, **environment) == elsewhere
    for one, other in zip(*(Store(home / each).all_condensed() for each in ("elsewhere", name)), strict=True):
        assert one.name == other.name
        first, second = read_condensed(one).condensed, read_condensed(other).condensed
        assert str(first) == str(second)
    assert list((home / name).rglob("*.failed.json")) == []
