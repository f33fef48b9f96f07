from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.command_line import CommandLine, Ended

GRID = ("--datasets", "toy", "--evaluators", "count", "--device", "cpu", "--ipc", "1")
SLOW = ("--set", "toy-slow.iterations=2", "--set", "toy-slow.pause=0")


def _files(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def _numbers(ended: Ended) -> list[str]:
    return re.findall(r"[\d.]+(?: ± [\d.]+| \(±[\d.]+\))? \(\d+x\d+\)", ended.out)


@pytest.fixture(scope="module")
def first(dcbench: CommandLine, data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ended]:
    """The folder of a run with two methods and two seeds, and how it ended."""
    home = tmp_path_factory.mktemp("run")
    methods = ("--methods", "toy-slow,toy-first", "--seeds", "0-1", "--repeats", "2")
    return home, dcbench("run", *GRID, *SLOW, *methods, "--data", data, cwd=home)


def test_a_run_ends_with_a_table_of_what_was_asked_for(first: tuple[Path, Ended]) -> None:
    _, ended = first
    assert ended.code == 0, ended.err
    title, _, head, _, row, _, note, untested = ended.out.splitlines()
    assert title == "count, pixel, test split"
    assert [cell.strip() for cell in head.strip("┃").split("┃")] == [
        "dataset",
        "IPC",
        "toy-slow[iterations=2,pause=0]",
        "toy-first",
    ]
    assert row.count("(2x2)") == 2, "two seeds times two repeats"
    assert note.strip() == "mean ± std (sets x repeats) · 4/4 cells"
    assert untested.strip().startswith("no best is named where numbers share fewer than 6 sets")


def test_without_a_terminal_progress_is_one_plain_line_for_each_job(first: tuple[Path, Ended]) -> None:
    _, ended = first
    *lines, stored = ended.err.splitlines()
    assert [line.split("]")[0] for line in lines] == [f"[{number}/8" for number in range(1, 9)]
    done = re.compile(r"\[\d/8\] done    toy ipc 1 toy-.* replicate [01]: .* \(\d+\.\d s\)")
    assert all(map(done.fullmatch, lines))
    assert re.fullmatch(r"report stored as results/reports/run-[0-9a-f]{12}\.h5", stored)
    assert "\x1b" not in ended.err + ended.out


def test_the_results_are_files_of_known_names(first: tuple[Path, Ended]) -> None:
    home, _ = first
    names = [re.sub(r"[0-9a-f]{12}", "#", name) for name in _files(home / "results")]
    cells = [f"toy/{method}/ipc1/s{seed}-#" for method in ("toy-first", "toy-slow") for seed in (0, 1)]
    whole = [name for cell in cells for name in (f"{cell}.condensed.h5", f"{cell}.count-#.r0-1.h5")]
    assert sorted(name for name in names if not name.endswith(".log")) == sorted([*whole, "reports/run-#.h5"])


def test_the_same_run_again_does_nothing_and_prints_the_same(
    dcbench: CommandLine, data: Path, first: tuple[Path, Ended]
) -> None:
    home, before = first
    files = _files(home)
    methods = ("--methods", "toy-slow,toy-first", "--seeds", "0-1", "--repeats", "2")
    again = dcbench("run", *GRID, *SLOW, *methods, "--data", data, cwd=home)
    assert (again.code, again.out) == (0, before.out)
    assert len(again.err.splitlines()) == 1, "only where the report is"
    assert _files(home) == files


def test_a_dry_run_says_what_would_be_done_and_makes_nothing(
    dcbench: CommandLine, data: Path, first: tuple[Path, Ended], tmp_path: Path
) -> None:
    home, _ = first
    files = _files(home)
    more = ("--methods", "toy-first", "--seeds", "1,2", "--repeats", "3", "--data", data, "--dry-run")
    ended = dcbench("run", *GRID, *more, cwd=home)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        "toy: training 60 images, 20 of each class; test 12 images, 4 of each class",
        "toy ipc 1 toy-first replicate 1: evaluate count",
        "toy ipc 1 toy-first replicate 2: condense",
        "toy ipc 1 toy-first replicate 2: evaluate count",
        "2 cells: 3 jobs to do, 1 finished, 0 failed before",
    ]
    assert _files(home) == files
    assert dcbench("run", *GRID, *more, cwd=tmp_path).code == 0
    assert list(tmp_path.iterdir()) == [], "not even the results folder"


def test_more_repeats_later_are_computed_into_another_file(dcbench: CommandLine, data: Path, tmp_path: Path) -> None:
    run = ("run", *GRID, "--methods", "toy-first", "--data", data)
    few, more = (dcbench(*run, "--repeats", repeats, cwd=tmp_path) for repeats in ("2", "5"))
    assert (few.code, more.code) == (0, 0)
    assert [_numbers(few)[0][-5:], _numbers(more)[0][-5:]] == ["(1x2)", "(1x5)"]
    assert re.findall(r"\d+/\d+", more.err) == ["1/1"], "the set is not condensed again"
    assert sorted(path.name.split(".")[-2] for path in tmp_path.rglob("*count*.h5")) == ["r0-1", "r2-4"]


def test_numbers_that_were_copied_in_are_in_the_stored_report(dcbench: CommandLine, data: Path, tmp_path: Path) -> None:
    grid = (*GRID, "--methods", "toy-first", "--data", data)
    assert dcbench("run", *grid, "--repeats", "1", cwd=tmp_path).code == 0
    assert dcbench("run", *grid, "--repeats", "3", "--results", "elsewhere", cwd=tmp_path).code == 0
    shutil.copytree(tmp_path / "elsewhere" / "toy", tmp_path / "results" / "toy", dirs_exist_ok=True)
    again = dcbench("run", *grid, "--repeats", "1", cwd=tmp_path)
    assert _numbers(again)[0].endswith("(1x3)")
    (path,) = (tmp_path / "results" / "reports").iterdir()
    assert dcbench("report", "--stored", path.stem, cwd=tmp_path).out.startswith(again.out)


def test_a_trial_under_two_labels_of_its_evaluator_is_shown_under_the_one_that_was_asked_for(
    dcbench: CommandLine, data: Path, tmp_path: Path
) -> None:
    grid = ("--datasets", "toy", "--device", "cpu", "--ipc", "1", "--methods", "toy-first", "--data", data)
    for label in ("count", "count[scale=100]"):
        ended = dcbench("run", *grid, "--evaluators", label, cwd=tmp_path)
        assert ended.code == 0, ended.err
        assert ended.out.startswith(f"{label}, pixel, test split\n")
        assert ended.out.count(" cell") == 1
        assert "1/1 cell" in ended.out


def test_a_smoke_run_shortens_everything_and_leaves_nothing_behind(
    dcbench: CommandLine, data: Path, tmp_path: Path
) -> None:
    (tmp_path / "tmp").mkdir()
    grid = (*GRID, "--methods", "toy-slow", "--set", "toy-slow.iterations=100000", "--repeats", "7")
    ended = dcbench("run", *grid, "--data", data, "--smoke", cwd=tmp_path, TMPDIR=str(tmp_path / "tmp"))
    assert ended.code == 0, ended.err
    assert _numbers(ended)[0].endswith("(1x1)")
    assert [path.name for path in tmp_path.rglob("*")] == ["tmp"]


def test_a_config_gives_options_and_the_command_line_goes_first(
    dcbench: CommandLine, data: Path, tmp_path: Path
) -> None:
    (tmp_path / "grid.toml").write_text(
        f"""
        methods = ["toy-first", "toy-slow[iterations=4]"]
        datasets = "toy"
        evaluators = ["count"]
        ipc = [1, 2]
        seeds = "0-2"
        set = "toy-slow.pause=0"
        device = "cpu"
        dry-run = true
        data = {json.dumps(str(data))}
        """
    )
    ended = dcbench("run", "--config", "grid.toml", "--ipc", "5", cwd=tmp_path)
    assert ended.code == 0, ended.err
    *jobs, last = ended.out.splitlines()
    assert last.startswith("6 cells: 12 jobs")
    assert "toy ipc 5 toy-slow[pause=0,iterations=4] replicate 2: condense" in jobs
    assert not any("ipc 1 " in job for job in jobs)


@pytest.fixture(scope="module")
def broken(dcbench: CommandLine, data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ended]:
    """The folder of a run in which one of two cells fails, and how it ended."""
    home = tmp_path_factory.mktemp("broken")
    return home, dcbench("run", *GRID, "--methods", "toy-bad,toy-first", "--data", data, cwd=home)


def test_a_cell_that_fails_costs_no_other_and_the_exit_code_says_so(broken: tuple[Path, Ended]) -> None:
    home, ended = broken
    assert ended.code == 1
    (said,) = [line for line in ended.err.splitlines() if line.startswith("failed: ")]
    assert said == "failed: toy ipc 1 toy-bad replicate 0: condense: ValueError: the toy method was told to raise"
    assert "Traceback" not in ended.err + ended.out
    assert len(_numbers(ended)) == 1
    assert "1/2 cells · 1 failed" in ended.out
    (kept,) = (home / "results").rglob("*.failed.json")
    assert f"        see {kept.relative_to(home)}\n" in ended.err
    facts = json.loads(kept.read_text())
    assert "in condense\n" in facts["traceback"]
    assert (facts["error"], facts["label"]) == ("ValueError", "toy-bad")
    assert kept.with_name(kept.name.replace(".failed.json", ".log")).exists()


def test_a_failure_is_tried_again_only_on_request(dcbench: CommandLine, data: Path, broken: tuple[Path, Ended]) -> None:
    home, _ = broken
    (kept,) = (home / "results").rglob("*.failed.json")
    before = kept.stat().st_mtime_ns
    run = ("run", *GRID, "--methods", "toy-bad,toy-first", "--data", data)
    left = dcbench(*run, cwd=home)
    assert (left.code, kept.stat().st_mtime_ns) == (1, before)
    assert "failed in an earlier run" in left.err
    assert "--existing retry-failed" in left.err
    again = dcbench(*run, "--existing", "retry-failed", cwd=home)
    assert again.code == 1
    assert kept.stat().st_mtime_ns > before
    assert "toy-first" not in again.err, "what is finished is not done again"


def test_overwrite_computes_what_is_finished_again(dcbench: CommandLine, data: Path, first: tuple[Path, Ended]) -> None:
    home, before = first
    files = _files(home / "results" / "toy" / "toy-first")
    run = ("run", *GRID, "--methods", "toy-first", "--seeds", "0-1", "--repeats", "2", "--data", data)
    ended = dcbench(*run, "--existing", "overwrite", cwd=home)
    assert ended.code == 0
    assert _numbers(ended) == _numbers(before)[1:]
    after = _files(home / "results" / "toy" / "toy-first")
    assert set(after) == set(files)
    assert all(after[name] > files[name] for name in files if name.endswith(".h5"))
