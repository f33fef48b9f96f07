from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import h5py
import pytest
from support.processes import alive, descendants, wait_until

from dcbench.engine.store.hdf5 import get_facts, reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.command_line import CommandLine


@pytest.fixture(autouse=True)
def ctrl_c_is_heard() -> Iterator[None]:
    """What starts the tests in the background may ignore Ctrl-C, and what they start would inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_leaves_whole_files_and_no_process_and_the_next_run_goes_on(
    dcbench: CommandLine, toy_folder: Path, data: Path, tmp_path: Path
) -> None:
    slow = ("--methods", "toy-slow", "--set", "toy-slow.iterations=150", "--set", "toy-slow.pause=0.03", "--ipc", "1")
    run = ("run", "--datasets", "toy", "--evaluators", "count", "--device", "cpu", *slow, "--data", str(data))
    running = subprocess.Popen(
        [sys.executable, "-m", "dcbench", *run],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(toy_folder), "DCBENCH_CHECKPOINT_SECONDS": "0"},
    )
    wait_until(lambda: list(tmp_path.rglob("*.checkpoint.h5")))
    workers = descendants(running.pid)
    assert len(workers) == 2, "the host, and the job in a process of its own"
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=30)
    assert (running.returncode, out) == (130, "")
    assert err.splitlines()[-1].startswith("dcbench: interrupted; ")
    assert "Traceback" not in err
    wait_until(lambda: not any(map(alive, workers)), seconds=10)
    left = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix not in {".tmp", ".log"}]
    assert [path.name.split(".", 1)[1] for path in left] == ["checkpoint.h5"]
    with reading(left[0], "checkpoint") as file:
        step = int(get_facts(file["state"])["step"])
    assert 0 < step < 150
    with h5py.File(left[0], "r+") as file:
        file.attrs["seconds"] = 1000.0  # that it took until here: a run that goes on counts them

    ended = dcbench(*run, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert re.search(r"1/1 cell", ended.out)
    (made,) = tmp_path.rglob("*.condensed.h5")
    with reading(made, "condensed") as file:
        assert get_facts(file)["seconds"] > 1000
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith((".tmp", "checkpoint.h5", "failed.json"))]
