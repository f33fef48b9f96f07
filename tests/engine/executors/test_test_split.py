"""A method never sees the test set: the process that condenses opens none of its files."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow

LISTENER = """
import os, sys

log = os.open(os.environ["OPENED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def note(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        os.write(log, f"{os.getpid()} {os.fsdecode(arguments[0])}\\n".encode())

sys.addaudithook(note)
"""


def test_the_process_that_condenses_opens_no_file_of_the_test_split(tmp_path: Path) -> None:
    images, listener, opened = tmp_path / "images", tmp_path / "listener", tmp_path / "opened.txt"
    for number, (split, label) in enumerate([(split, label) for split in ("train", "test") for label in "aab"]):
        (images / split / label).mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), number, np.uint8)).save(images / split / label / f"{number}.png")
    listener.mkdir()
    (listener / "sitecustomize.py").write_text(LISTENER)
    # A part of a set is condensed and not evaluated: only the front end has to do with the test split.
    command = [
        sys.executable, "-m", "dcbench", "run", "--methods", "dm[iterations=1]", "--datasets", f"folder:{images}",
        "--ipc", "1", "--classes", "0", "--device", "cpu", "--results", str(tmp_path / "results"),
    ]  # fmt: skip
    environment = os.environ | {
        "OPENED": str(opened),
        "DCBENCH_CACHE": str(tmp_path / "cache"),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(listener), os.environ.get("PYTHONPATH")])),
    }
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as front_end:
        _, said = front_end.communicate(timeout=300)
    assert front_end.returncode == 0, said

    data = re.compile(rf"^(\d+) {re.escape(str(tmp_path))}/(images|cache)/(.*)$", re.MULTILINE)
    found = [(int(process) == front_end.pid, name) for process, _, name in data.findall(opened.read_text())]
    assert any(name.startswith("test/") for own, name in found if own), "the plan has a fingerprint of both splits"
    others = [name for own, name in found if not own]
    assert any("train" in name for name in others)
    assert not [name for name in others if "test" in name]
