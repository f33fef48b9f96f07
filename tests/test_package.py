from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

from dcbench.api.distribution import version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
HOMES = {"dcbench": ROOT / "dcbench", "dcbench_plugins": ROOT / "plugins"}


def test_every_folder_is_listed_to_be_installed() -> None:
    found = {
        ".".join([name, *path.parent.relative_to(home).parts])
        for name, home in HOMES.items()
        for path in home.rglob("*.*")
        if path.is_file() and path.parent.name != "__pycache__"
    }
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == found


def test_every_module_lies_in_a_package() -> None:
    modules = [path for home in HOMES.values() for path in home.rglob("*.py")]
    assert [path for path in modules if not (path.parent / "__init__.py").exists()] == []


def test_both_packages_ship_their_types() -> None:
    for name, home in HOMES.items():
        assert PROJECT["tool"]["setuptools"]["package-data"][name] == ["py.typed"]
        assert (home / "py.typed").exists()


def test_the_built_in_plug_ins_come_in_as_any_other() -> None:
    declared = PROJECT["project"]["entry-points"]["dcbench"]
    installed = {point.name: point.value for point in entry_points(group="dcbench") if point.name in declared}
    assert installed == declared


def test_dependencies_have_lower_bounds_only() -> None:
    assert all(re.fullmatch(r"[\w-]+>=[\d.]+", dependency) for dependency in PROJECT["project"]["dependencies"])


def test_python_m_dcbench_says_its_version() -> None:
    call = [sys.executable, "-m", "dcbench", "--version"]
    done = subprocess.run(call, check=True, capture_output=True, text=True, timeout=100)
    assert done.stdout == f"dcbench, version {version()}\n"
    assert version() == PROJECT["project"]["version"]


def test_what_is_to_be_cited_is_this_version() -> None:
    (cited,) = re.findall(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert cited == PROJECT["project"]["version"]
