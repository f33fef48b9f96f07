from __future__ import annotations

import re
import shutil
from collections import Counter
from typing import TYPE_CHECKING

from support.made_results import add
from support.made_sets import add_set

if TYPE_CHECKING:
    from pathlib import Path

    from support.command_line import CommandLine, Ended


def _refused(ended: Ended) -> str:
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.count("\n") == 1
    return ended.err


def _digest(finished: Path, method: str) -> str:
    return min(path.name[3:15] for path in (finished / "toy" / method / "ipc1").glob("s0-*"))


def test_without_a_cell_all_are_listed_with_what_is_missing(
    dcbench: CommandLine, finished: Path, tmp_path: Path
) -> None:
    ended = dcbench("show", cwd=finished.parent)
    assert ended.code == 0
    assert len(ended.out.splitlines()) == 12
    assert f"{_digest(finished, 'toy-first')}  toy ipc 1 toy-first replicate 0\n" in ended.out
    assert f"{_digest(finished, 'toy-bad')}  toy ipc 1 toy-bad replicate 0  failed\n" in ended.out
    add(tmp_path, "dm", [1.0])
    assert dcbench("show", "--results", tmp_path, cwd=tmp_path).out.endswith(
        " toy ipc 1 dm replicate 0  no condensed set\n"
    )


def test_a_card_shows_settings_figures_and_provenance(dcbench: CommandLine, finished: Path) -> None:
    ended = dcbench("show", _digest(finished, "toy-slow"), cwd=finished.parent)
    assert ended.code == 0, ended.err
    assert ended.out.startswith("toy · ipc 1 · toy-slow[iterations=3,pause=0] · replicate 0 · test split\n")
    for line in (
        r"Condensed set",
        r"  holds +3 images of 1x8x8, 192 numbers",
        r"  budget +100% of 192 numbers",
        r"  snapshots +step 0 \(\d\.\d s\)",
        r"Settings",
        r"  iterations +3  \(recommended: \d+\)",
        r"Trace",
        r"  sum  [▁-█]{3}  [\d.]+ at step 1, [\d.]+ at step 3",
        r"Condensing",
        r"  made +\d{4}-\d\d-\d\dT.* in \d+\.\d s on .*, [\d,]+ MiB at most",
        r"  with +dcbench \S+, python \S+, torch \S+,.* dcbench-toys 1\.0",
        r"  runtime +device cpu, threads \d+, .*",
        r"Evaluation count",
        r"  pixel +\d+\.\d \(±\d+\.\d\) \(1x2\): \d+\.\d\d \d+\.\d\d",
    ):
        assert re.search(f"^{line}$", ended.out, re.MULTILINE), line


def test_images_are_drawn_beside_the_card(dcbench: CommandLine, finished: Path, data: Path, tmp_path: Path) -> None:
    for method in ("toy-first", "toy-slow"):
        drawn = (_digest(finished, method), "--image", tmp_path / f"{method}.png", "--data", data)
        ended = dcbench("show", *drawn, cwd=finished.parent)
        assert ended.code == 0, ended.err
        assert (tmp_path / f"{method}.png").read_bytes().startswith(b"\x89PNG")
    bad = dcbench("show", _digest(finished, "toy-bad"), "--image", tmp_path / "bad.png", cwd=finished.parent)
    assert (bad.code, "has no condensed set" in bad.err) == (2, True)
    assert "a figure is written as" in dcbench("show", *drawn[:2], "image.gif", cwd=finished.parent).err
    assert "--image draws one cell" in _refused(dcbench("show", "--image", "all.png", cwd=finished.parent))


def test_a_cell_may_be_named_by_any_of_its_files(dcbench: CommandLine, finished: Path) -> None:
    head = _digest(finished, "toy-first")
    by_digest = dcbench("show", head, "--results", finished, cwd=finished)
    for path in (finished / "toy" / "toy-first" / "ipc1").glob(f"s0-{head}*.h5"):
        assert dcbench("show", path, "--results", finished, cwd=finished).out == by_digest.out
    assert "selected from the training set" in by_digest.out


def test_a_failed_cell_shows_its_traceback(dcbench: CommandLine, finished: Path) -> None:
    ended = dcbench("show", _digest(finished, "toy-bad"), cwd=finished.parent)
    assert ended.code == 0
    assert "no condensed set" in ended.out
    assert re.search(r"^Failed condense at \S+: ValueError: the toy method was told to raise$", ended.out, re.MULTILINE)
    assert "  Traceback (most recent call last):" in ended.out


def test_an_unknown_or_ambiguous_cell_is_one_line(dcbench: CommandLine, finished: Path, tmp_path: Path) -> None:
    assert "no cell in results has a digest that begins with 'xyz'" in _refused(
        dcbench("show", "xyz", cwd=finished.parent)
    )
    heads = Counter(path.name.partition("-")[2][:1] for path in finished.glob("toy/*/ipc*/s*.condensed.h5"))
    ((head, count),) = heads.most_common(1)
    assert count > 1, "eight digests share a first digit"
    assert re.search(rf"'{head}' fits \d+ cells: .*write more", _refused(dcbench("show", head, cwd=finished.parent)))
    for arguments in ((), ("0123",)):
        assert "there is no results folder results" in _refused(dcbench("show", *arguments, cwd=tmp_path))


def test_a_path_that_is_no_cell_is_one_line(dcbench: CommandLine, finished: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.h5"
    other.touch()
    assert "there is no file gone.h5" in _refused(dcbench("show", "gone.h5", cwd=finished.parent))
    assert "other.h5 is not a file of a cell" in _refused(dcbench("show", other, cwd=tmp_path))


def test_a_folder_without_cells_says_so(dcbench: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    ended = dcbench("show", cwd=tmp_path)
    assert (ended.code, ended.out, ended.err) == (0, "", "there is no cell in results\n")


def test_a_file_that_cannot_be_read_now_is_warned_about(dcbench: CommandLine, tmp_path: Path) -> None:
    add_set(tmp_path / "results", "dm")
    locked = add_set(tmp_path / "results", "m3d")
    locked.unlink()
    locked.mkdir()
    ended = dcbench("show", cwd=tmp_path)
    assert (ended.code, ended.out.count("\n")) == (0, 1)
    assert re.fullmatch(rf"warning: .*{locked.name} cannot be read now.*left out\n", ended.err)


def test_a_damaged_file_is_one_line(dcbench: CommandLine, finished: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(finished, tmp_path / "results")
    path = next((copy / "toy" / "toy-first" / "ipc1").glob("s0-*.condensed.h5"))
    path.write_bytes(path.read_bytes()[:500])
    assert "is damaged" in _refused(dcbench("show", path, cwd=tmp_path))
    ended = dcbench("show", cwd=tmp_path)
    assert len(ended.out.splitlines()) == 12, "one damaged file does not hide the others, or those of its cell"
    assert path.name in ended.err
