"""Terminals that are not UTF-8 show tables in plain signs, and end no command."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.made_results import add

if TYPE_CHECKING:
    from pathlib import Path


def call(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "dcbench", *words]
    return subprocess.run(
        command, cwd=folder, env=os.environ | environment, capture_output=True, check=False, timeout=100
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed in (0, 1):
        add(tmp_path / "results", "dm", [50.0 + seed], replicate=seed, dataset="鳥")
    return tmp_path


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "ascii:strict"])
def test_a_report_is_printed_whatever_the_terminal_can_show(folder: Path, encoding: str) -> None:
    done = call(folder, "report", PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode(encoding.partition(":")[0]).splitlines()
    sign = "~" if "ascii" in encoding else "±"
    assert f"50.5 {sign} 0.5 (2x1)" in done.stdout.decode(encoding.partition(":")[0])
    assert r"\u9ce5" in lines[4]
    assert set(lines[1]) == {"+", "-"}
    assert "|" in lines[2]


def test_files_are_utf8_whatever_the_terminal_can_show(folder: Path) -> None:
    done = call(folder, "report", "--output", "table.txt", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr
    assert "鳥" in (folder / "table.txt").read_text(encoding="utf-8")


def test_utf8_is_left_as_it_is(folder: Path) -> None:
    done = call(folder, "report", PYTHONIOENCODING="utf-8")
    assert "┏" in done.stdout.decode()
