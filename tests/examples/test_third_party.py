"""The package of examples/, as a stranger gets it: a wheel, pip, and the command line."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.environments import Environment

SOURCE = Path(__file__).parents[2] / "examples" / "dcbench-sklearn"
NAME = "dcbench-sklearn"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(environment: Environment, home: Path) -> Path:
    """The wheel, built from a copy: a build writes into its source."""
    built = {"build", "*.egg-info", "__pycache__", ".*_cache"}
    source = shutil.copytree(SOURCE, home / "source", ignore=shutil.ignore_patterns(*built))
    command = ("-m", "pip", "wheel", "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", home, source)
    environment.checked(*command, cwd=home)
    (wheel,) = home.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(environment: Environment, wheel: Path, home: Path) -> Iterator[Environment]:
    environment.install(wheel, cwd=home)
    yield environment
    environment.uninstall(NAME, cwd=home)


def test_the_wheel_holds_licence_types_and_entry_point(wheel: Path) -> None:
    names = {Path(name).name for name in zipfile.ZipFile(wheel).namelist()}
    assert {"LICENSE", "py.typed", "entry_points.txt", "k_means.py", "photo_tiles.py", "linear_probe.py"} <= names
    assert not any(name.startswith("test_") for name in names)


def test_its_method_dataset_and_evaluator_make_a_table(installed: Environment, home: Path) -> None:
    grid = ("--methods", "k-means[epochs=1],random", "--datasets", "photo-tiles", "--evaluators", "linear-probe")
    printed = installed.checked("-m", "dcbench", "run", *grid, "--ipc", "1", "--device", "cpu", cwd=home)
    assert "2/2 cells" in printed
    report = installed.checked("-m", "dcbench", "report", "--format", "json", cwd=home)
    rows = json.loads(report)
    assert {(row["dataset"], row["label"]) for row in rows} == {
        ("photo-tiles", "k-means[epochs=1]"),
        ("photo-tiles", "random"),
    }
    assert all(40 <= row["mean"] <= 100 for row in rows)


def test_its_settings_are_listed(installed: Environment, home: Path) -> None:
    listed = installed.checked("-m", "dcbench", "list", "methods", "k-means", cwd=home)
    assert "from dcbench-sklearn 1.0.0" in listed
    assert "runs of k-means from different centres" in listed


def test_its_own_tests_pass(installed: Environment, home: Path) -> None:
    installed.checked("-m", "pytest", "-p", "no:cacheprovider", cwd=home / "source")


def test_uninstalled_it_is_gone(installed: Environment, wheel: Path, home: Path) -> None:
    installed.uninstall(NAME, cwd=home)
    done = installed.python("-m", "dcbench", "run", "--methods", "k-means", cwd=home)
    installed.install(wheel, cwd=home)
    assert done.returncode == 2
    said = done.stderr.splitlines()[-1]  # a line before it may tell that the bench is starting
    assert said.startswith("dcbench: no method is called 'k-means'; did you mean 'k-center'?")
