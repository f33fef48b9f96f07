from __future__ import annotations

import re
import shutil
from collections import Counter
from typing import TYPE_CHECKING

import h5py

if TYPE_CHECKING:
    from pathlib import Path

    from command_line import CommandLine, Ended


def _refused(ended: Ended) -> str:
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.count("\n") == 1
    return ended.err


def _digest(finished: Path, method: str) -> str:
    return min(path.name[3:15] for path in (finished / "toy" / method / "ipc1").glob("s0-*"))


def test_without_a_cell_all_condensed_sets_are_listed(dcbench: CommandLine, finished: Path) -> None:
    ended = dcbench("show", cwd=finished.parent)
    assert ended.code == 0
    assert len(ended.out.splitlines()) == 8
    assert f"{_digest(finished, 'toy-first')}  toy ipc 1 toy-first seed 0\n" in ended.out


def test_a_card_shows_settings_figures_and_provenance(dcbench: CommandLine, finished: Path) -> None:
    ended = dcbench("show", _digest(finished, "toy-slow"), cwd=finished.parent)
    assert ended.code == 0, ended.err
    assert ended.out.startswith("toy · ipc 1 · toy-slow[iterations=3,pause=0] · seed 0 · test split\n")
    for line in (
        r"  holds +3 images, 192 numbers, decoder identity",
        r"  snapshots +0",
        r"  made +\d{4}-\d\d-\d\dT.* in \d+\.\d s on .*, [\d,]+ MiB at most",
        r"  with +dcbench \S+, python \S+, torch \S+,.* dcbench-toys 1\.0",
        r"    iterations +3",
        r"  trace sum: [\d.]+ at step 1, [\d.]+ at step 3",
        r"evaluation count: protocol -, network -",
        r"  pixel: \d+\.\d\d ± \d+\.\d\d \(2\): \d+\.\d\d \d+\.\d\d",
    ):
        assert re.search(f"^{line}$", ended.out, re.MULTILINE), line


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
    assert re.search(r"^failed condense at \S+: ValueError: the toy method was told to raise$", ended.out, re.MULTILINE)
    assert "  Traceback (most recent call last):" in ended.out


def test_an_unknown_or_ambiguous_cell_is_one_line(dcbench: CommandLine, finished: Path, tmp_path: Path) -> None:
    assert "no cell in results has a digest that begins with 'xyz'" in _refused(
        dcbench("show", "xyz", cwd=finished.parent)
    )
    heads = Counter(path.name.partition("-")[2][:1] for path in finished.glob("toy/*/ipc*/s*.condensed.h5"))
    ((head, count),) = heads.most_common(1)
    assert count > 1, "eight digests share a first digit"
    assert re.search(rf"'{head}' fits \d+ cells: .*write more", _refused(dcbench("show", head, cwd=finished.parent)))
    assert "show: Invalid value for '--results'" in _refused(dcbench("show", cwd=tmp_path))


def test_a_damaged_file_is_one_line(dcbench: CommandLine, finished: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(finished, tmp_path / "results")
    path = next((copy / "toy" / "toy-first" / "ipc1").glob("s0-*.condensed.h5"))
    path.write_bytes(path.read_bytes()[:500])
    assert "is damaged" in _refused(dcbench("show", path, cwd=tmp_path))
    ended = dcbench("show", cwd=tmp_path)
    assert len(ended.out.splitlines()) == 7, "one damaged file does not hide the others"
    assert path.name in ended.err


def test_an_export_is_one_file_with_everything(dcbench: CommandLine, finished: Path, tmp_path: Path) -> None:
    ended = dcbench("export", "all.h5", "--results", finished, cwd=tmp_path)
    assert (ended.code, ended.out) == (0, "16 files in all.h5\n")
    with h5py.File(tmp_path / "all.h5") as file:
        assert {
            len(file[f"toy/{method}/{ipc}"]) for method in ("toy-first", "toy-slow") for ipc in file["toy/toy-first"]
        } == {4}


def test_an_export_of_chosen_cells_has_only_these(dcbench: CommandLine, finished: Path, tmp_path: Path) -> None:
    head = _digest(finished, "toy-first")
    ended = dcbench("export", "one.h5", "--cells", head, "--results", finished, cwd=tmp_path)
    assert (ended.code, ended.out) == (0, "2 files in one.h5\n")
    with h5py.File(tmp_path / "one.h5") as file:
        assert all(name.startswith(f"s0-{head}") for name in file["toy/toy-first/ipc1"])


def test_an_export_that_finds_nothing_leaves_what_is_there_alone(
    dcbench: CommandLine, finished: Path, tmp_path: Path
) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "mine.h5").write_text("precious")
    assert "there is nothing in results to export" in _refused(dcbench("export", "mine.h5", cwd=tmp_path))
    unknown = dcbench("export", "mine.h5", "--cells", "xyz", "--results", finished, cwd=tmp_path)
    assert "no cell" in _refused(unknown)
    assert (tmp_path / "mine.h5").read_text() == "precious"
