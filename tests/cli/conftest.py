from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command_line import CommandLine

GRID = ("--datasets", "toy", "--evaluators", "count", "--device", "cpu")
QUICK = ("--set", "toy-slow.iterations=3", "--set", "toy-slow.pause=0")


@pytest.fixture(scope="session")
def dcbench(toy_folder: Path) -> Iterator[CommandLine]:
    """The command line, with the toy plug-ins installed."""
    command = CommandLine(toy_folder)
    yield command
    command.close()


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the toy dataset lives."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def finished(dcbench: CommandLine, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with finished cells and a failure; tests only read it."""
    home = tmp_path_factory.mktemp("finished")
    methods = ("--methods", "toy-first,toy-slow,toy-bad", "--ipc", "1,2", "--seeds", "0-1")
    ended = dcbench("run", *GRID, *QUICK, *methods, "--repeats", "2", "--data", data, cwd=home)
    assert ended.code == 1, ended.err
    return home / "results"
