"""The short form of `python -m endurance`; CONTRIBUTING.md has the long one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


@pytest.mark.skipif(sys.platform != "linux", reason="forks, and looks into /proc")
@pytest.mark.parametrize(("what", "count"), [("kills", 5), ("damages", 26), ("imports", 25), ("plugins", 6)])
def test_a_little_harm_of_each_kind_loses_nothing_and_makes_no_number_wrong(what: str, count: int) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "endurance", what, "--count", str(count)],
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        timeout=400,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.startswith(f"{what}: 0 wrong; ")
