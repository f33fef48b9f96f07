from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dcbench.scaffold.package import KINDS

if TYPE_CHECKING:
    from support.command_line import CommandLine


def test_it_ends_with_the_next_two_commands(dcbench: CommandLine, tmp_path: Path) -> None:
    ended = dcbench("new-plugin", "my-method", cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines()[-2:] == ["  pip install -e my-method", "  dcbench run --methods my-method,random"]
    assert (tmp_path / "my-method" / "src" / "my_method" / "method.py").is_file()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_goes_where_it_is_told(dcbench: CommandLine, tmp_path: Path, kind: str) -> None:
    below = tmp_path / "a folder"
    below.mkdir()
    ended = dcbench("new-plugin", "mine", "--kind", kind, "--directory", below, cwd=tmp_path)
    assert ended.code == 0
    assert f"pip install -e '{below / 'mine'}'" in ended.out
    assert (below / "mine" / "src" / "mine" / f"{kind}.py").is_file()
    assert list(tmp_path.iterdir()) == [below]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["My Method"], "'My Method' cannot name a plug-in"),
        (["lambda"], "'lambda' is a word of the Python language"),
        (["m3d"], "'m3d' is taken by the method m3d of dataset-condensation-bench"),
        (["toy-slow"], "'toy-slow' is taken by the method toy-slow of"),
        (["digits", "--kind", "network"], "'digits' is taken by the dataset digits of dataset-condensation-bench"),
        (["secrets"], "'secrets' is taken by a module of Python's standard library"),
        (["mine", "--kind", "metod"], "new-plugin: Invalid value for '--kind'"),
        (["mine", "--directory", "nowhere"], "new-plugin: Invalid value for '--directory'"),
        ([], "new-plugin: Missing argument 'NAME'."),
    ],
)
def test_a_refusal_is_one_line_and_writes_nothing(
    dcbench: CommandLine, tmp_path: Path, arguments: list[str], message: str
) -> None:
    ended = dcbench("new-plugin", *arguments, cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"dcbench: {message}")
    assert len(ended.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_second_call_leaves_the_first_alone(dcbench: CommandLine, tmp_path: Path) -> None:
    dcbench("new-plugin", "mine", cwd=tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    ended = dcbench("new-plugin", "mine", "--kind", "dataset", cwd=tmp_path)
    assert ended.code == 2
    assert ended.err == "dcbench: mine exists already; choose another name or --directory\n"
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
