"""What ``dcbench new-plugin`` writes, installed as its README says: one package of each kind."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.environments import Environment

from dcbench.scaffold.names import Names
from dcbench.scaffold.package import KINDS, create, run_command

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(environment: Environment, home: Path) -> Iterator[Environment]:
    folders = [create(kind, Names(f"my-{kind}"), home) for kind in KINDS]
    environment.install(*(word for folder in folders for word in ("-e", folder)), cwd=home)
    yield environment
    environment.uninstall(*(folder.name for folder in folders), cwd=home)


def test_all_kinds_make_a_table_together(installed: Environment, home: Path) -> None:
    grid = "--methods my-method,random --datasets my-dataset --evaluators accuracy,my-evaluator --ipc 1 --repeats 1"
    how = "--networks my-network --protocol my-protocol --device cpu"
    printed = installed.checked("-m", "dcbench", "run", *shlex.split(f"{grid} {how}"), cwd=home)
    assert "last-epoch accuracy, test split, protocol my-protocol, network my-network" in printed
    assert "nearest_accuracy" in printed
    assert "my-method" in printed


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_of_its_readme_can_be_run(installed: Environment, home: Path, kind: str) -> None:
    names = Names(f"my-{kind}")
    command = run_command(kind, names)
    assert f"\n{command}\n" in (home / names.plugin / "README.md").read_text()
    planned = installed.checked("-m", *shlex.split(command), "--dry-run", cwd=home)
    assert "to do" in planned


def test_their_own_tests_pass(installed: Environment, home: Path) -> None:
    folders = (f"my-{kind}" for kind in KINDS)
    installed.checked("-m", "pytest", "-p", "no:cacheprovider", *folders, cwd=home)
