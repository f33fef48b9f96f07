from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from support.command_line import CommandLine
from support.documentation import DOCS


@pytest.fixture(scope="session")
def dcbench() -> Iterator[CommandLine]:
    """The command line, with the built-in plug-ins alone."""
    command = CommandLine()
    yield command
    command.close()


@pytest.fixture(scope="session")
def generated() -> Mapping[str, str]:
    """The pages that are made when the documentation is built, by path below docs/."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DOCS))
        from generate import pages

        return pages()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fresh working folder; packages in its subfolder ``installed`` are found here and in processes of its own."""
    before = set(sys.modules)
    (tmp_path / "installed").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path / "installed"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "installed"), prepend=":")
    monkeypatch.setenv("DCBENCH_DATA", str(tmp_path / "data"))
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]
