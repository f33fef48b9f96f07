from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from dcbench.cli import COMMANDS

if TYPE_CHECKING:
    from pathlib import Path

    from support.command_line import CommandLine

HEAVY = {"torch", "torchvision", "pandas", "sklearn", "scipy", "h5py", "matplotlib"}
CALL = """
import contextlib, io, json, sys
from dcbench.cli import main
for arguments in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        main(arguments)
print(json.dumps(sorted(sys.modules)))
"""


def test_help_and_list_import_nothing_heavy() -> None:
    calls = [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS), ["list"], ["list", "methods"]]
    done = subprocess.run(
        [sys.executable, "-c", CALL, json.dumps(calls)], capture_output=True, text=True, check=True, timeout=100
    )
    assert HEAVY & set(json.loads(done.stdout)) == set()
    assert done.stderr == ""


def test_help_names_every_command(dcbench: CommandLine, tmp_path: Path) -> None:
    ended = dcbench("--help", cwd=tmp_path)
    assert ended.code == 0
    for name, line in COMMANDS.items():
        assert f"  {name} " in ended.out
        assert line in " ".join(ended.out.split()), "a narrow terminal breaks it"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(dcbench: CommandLine, tmp_path: Path, name: str) -> None:
    ended = dcbench(name, "--help", cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"Usage: dcbench {name} ")


def test_python_m_dcbench_is_the_same_command(tmp_path: Path) -> None:
    call = [sys.executable, "-m", "dcbench", "list", "methds"]
    done = subprocess.run(call, check=False, capture_output=True, text=True, cwd=tmp_path, timeout=100)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("dcbench: list: there is no group 'methds'; did you mean 'dcbench list methods'")
