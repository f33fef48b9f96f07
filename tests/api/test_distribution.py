"""The package is called otherwise than its module, whose name another project on the package index has."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from support.toys import install_package

from dcbench.api import distribution
from dcbench.engine.registry import load_registry

ROOT = Path(__file__).parents[2]
ADVICE = "pip uninstall dcbench, then install dataset-condensation-bench again"
CALL = "import dcbench_command as command; command.main()"


def test_the_package_has_a_name_of_its_own_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    example = tomllib.loads((ROOT / "examples" / "dcbench-sklearn" / "pyproject.toml").read_text())["project"]
    assert project["name"] == distribution.NAME != distribution.MODULE
    assert any(needed.startswith(f"{distribution.NAME}>=") for needed in example["dependencies"])
    assert distribution.version() == project["version"]


def call(*words: str, path: Path, start: str = CALL) -> subprocess.CompletedProcess[str]:
    """Call the command with *path* before all else that is installed; this checkout comes last."""
    environment = os.environ | {"PYTHONPATH": f"{path}{os.pathsep}{ROOT}"}
    call = [sys.executable, "-c", start, *words]
    return subprocess.run(call, cwd=path, env=environment, capture_output=True, text=True, check=False, timeout=100)


@pytest.fixture
def another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the metadata of another project's dcbench 0.0.4, next to ours under the name of today."""
    install_package(tmp_path, distribution.NAME, {"builtin-methods": "dcbench_plugins.methods"}, {}, "0.1.0")
    install_package(tmp_path, "dcbench", {}, {}, "0.0.4")
    return tmp_path


def test_another_project_that_installs_the_module_is_named_in_one_line(another: Path) -> None:
    done = call("list", "methods", path=another)
    assert done.returncode == 0
    assert done.stderr == (
        "warning: another package, dcbench 0.0.4, is installed too and writes into the same module: " + ADVICE + "\n"
    )


@pytest.mark.parametrize("its_import", ["", "import a_module_that_is_not_there"])
def test_a_module_that_the_other_project_has_put_in_the_place_of_ours_ends_in_one_line(
    another: Path, its_import: str
) -> None:
    (another / "dcbench").mkdir()
    (another / "dcbench" / "__init__.py").write_text(f"{its_import}\n__all__ = ['Problem']\n")
    done = call("run", path=another)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    # An editable install still finds the other modules of ours, and the command line starts.
    reached = "another package, dcbench 0.0.4, is installed too and writes into the same module"
    not_reached = "the module dcbench is not that of dataset-condensation-bench (No module named "
    assert line.startswith((f"dcbench: {reached}", f"dcbench: {not_reached}"))
    assert line.endswith(f": {ADVICE}")


def test_a_module_of_which_only_the_front_was_overwritten_ends_in_one_line(another: Path) -> None:
    (another / "dcbench").mkdir()
    text = f"__all__ = ['Problem']\n__path__ = [{str(ROOT / 'dcbench')!r}]\n"
    (another / "dcbench" / "__init__.py").write_text(text)
    done = call("run", path=another)
    assert done.returncode == 2
    assert done.stderr == (
        "dcbench: another package, dcbench 0.0.4, is installed too and writes into the same module: " + ADVICE + "\n"
    )


def test_a_checkout_that_was_installed_under_the_former_name_brings_its_plug_ins_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = {"builtin-methods": "dcbench_plugins.methods"}
    former = install_package(tmp_path / "former", "dcbench", entry, {}, "0.0.9")
    monkeypatch.syspath_prepend(str(former))
    registry = load_registry([point for found in metadata.distributions() for point in found.entry_points])
    assert registry.clashes() == []
    assert {source.package for source in registry.sources if source.entry_point == "builtin-methods"} == {
        distribution.NAME
    }


def test_a_checkout_under_its_former_name_alone_is_this_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = {"builtin-methods": "dcbench_plugins.methods"}
    monkeypatch.setattr(sys, "path", [str(install_package(tmp_path, "dcbench", entry, {}, "0.0.9"))])
    distribution.own.cache_clear()
    try:
        assert (distribution.version(), distribution.clash()) == ("0.0.9", "")
        (source,) = load_registry().sources
        assert (source.package, source.version) == (distribution.NAME, "0.0.9")
    finally:
        distribution.own.cache_clear()
