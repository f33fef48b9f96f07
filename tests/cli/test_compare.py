from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from support.command_line import CommandLine


def test_two_folders_are_compared_whatever_differs(dcbench: CommandLine, finished: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(finished, tmp_path / "copy")
    for path in copy.glob("toy/toy-first/ipc1/s0-*.h5"):
        path.unlink()
    ended = dcbench("compare", finished, copy, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert "  toy ipc 1 toy-first replicate 0: only in A\n" in ended.out
    assert "  7 of 7 hold identical images and labels, to the last bit\n" in ended.out
    filtered = dcbench("compare", finished, copy, "--ipc", "2", "--format", "json", cwd=tmp_path)
    assert json.loads(filtered.out)["only"] == []
    assert dcbench("compare", finished, copy, "--format", "csv", cwd=tmp_path).out.startswith("evaluator_label,metric,")


def test_a_folder_that_is_missing_or_empty_is_one_line(dcbench: CommandLine, finished: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder, line in (
        ("missing", "there is no results folder missing; 'dcbench run' makes one"),
        ("empty", "empty: it holds no finished cell to compare"),
    ):
        ended = dcbench("compare", finished, folder, cwd=tmp_path)
        assert (ended.code, ended.out, ended.err) == (2, "", f"dcbench: {line}\n")
