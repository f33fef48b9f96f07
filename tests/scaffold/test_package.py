from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dcbench
from dcbench.scaffold.names import LONGEST, Names
from dcbench.scaffold.package import KINDS, create, render

ROOT = Path(__file__).parents[2]
NAMES = st.from_regex(r"[a-z][a-z0-9]{0,7}(-[a-z0-9]{1,8}){0,2}", fullmatch=True).map(Names)


def create_all(folder: Path, length: int) -> None:
    """Write a package of each kind into *folder*, under names of *length* characters."""
    for kind in KINDS:
        create(kind, Names(f"{kind}-{'x' * (length - len(kind) - 1)}"), folder)


def check(tool: str, *arguments: str | Path, cwd: Path) -> None:
    call = [sys.executable, "-m", tool, *map(str, arguments)]
    done = subprocess.run(call, cwd=cwd, capture_output=True, text=True, check=False, timeout=250)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_plugin_called_like_an_ignored_folder_is_not_ignored(tmp_path: Path) -> None:
    folder = create("method", Names("results"), tmp_path)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    sources = sorted((folder / "src").rglob("*.py"))
    ignored = subprocess.run(["git", "check-ignore", *sources], cwd=folder, capture_output=True, text=True, check=False)
    assert sources
    assert ignored.stdout == ""


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20)
@given(names=NAMES)
def test_hook_entry_point_and_class_agree(kind: str, names: Names) -> None:
    files = render(kind, names)
    project = tomllib.loads(files["pyproject.toml"])
    assert project["project"]["name"] == names.plugin
    assert project["project"]["entry-points"]["dcbench"] == {names.plugin: names.module}
    (record,) = records(files[f"src/{names.module}/__init__.py"])
    module, _, name = record.target.partition(":")
    assert (record.name, module) == (names.plugin, f"{names.module}.{kind}")
    tree = ast.parse(files[f"src/{names.module}/{kind}.py"])
    # Whatever the class is called, it hides nothing that its module uses.
    bound = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert bound.count(name) == 1
    assert name not in imported


def records(source: str) -> list[dcbench.MethodRecord]:
    """Return what the one hook in *source* returns."""
    scope: dict[str, object] = {}
    exec(compile(source, "plugin", "exec"), scope)  # the source is our own
    (hook,) = (value for name, value in scope.items() if name.startswith("dcbench_"))
    assert callable(hook)
    return list(hook())


@pytest.mark.parametrize("kind", KINDS)
def test_the_plug_in_is_about_thirty_lines(kind: str) -> None:
    names = Names("my-plugin")
    assert len(render(kind, names)[f"src/my_plugin/{kind}.py"].splitlines()) <= 50


def test_every_file_is_written(tmp_path: Path) -> None:
    names = Names("my-method")
    folder = create("method", names, tmp_path)
    written = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}
    assert written == render("method", names)
    assert [path.name for path in tmp_path.iterdir()] == ["my-method"]


def test_the_folder_has_the_permissions_of_any_other(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    assert create("method", Names("my-method"), tmp_path).stat().st_mode == other.stat().st_mode


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda path: path.symlink_to("nowhere")])
def test_what_is_there_is_left_alone(tmp_path: Path, make: object) -> None:
    assert callable(make)
    make(tmp_path / "my-method")
    with pytest.raises(dcbench.RequestError, match="my-method exists already"):
        create("method", Names("my-method"), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["my-method"]


def test_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        create("method", Names("my-method"), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("length", [12, LONGEST])
def test_ruff_has_nothing_to_say(tmp_path: Path, length: int) -> None:
    create_all(tmp_path, length)
    rules = ("--extend-select=B,D1,I,RUF,UP", "--per-file-ignores=test_*.py:D")
    check("ruff", "check", "--isolated", "--no-cache", *rules, cwd=tmp_path)
    check("ruff", "format", "--isolated", "--no-cache", "--check", cwd=tmp_path)


@pytest.mark.slow
def test_mypy_in_strict_mode_has_nothing_to_say(tmp_path: Path) -> None:
    create_all(tmp_path, 12)
    # From here, with the settings and the cache of the project: torch alone takes it most of a minute.
    check("mypy", *tmp_path.glob("*/src"), ROOT / "examples" / "dcbench-sklearn" / "src", cwd=ROOT)
