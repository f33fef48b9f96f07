from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from support.command_line import CommandLine

GRID = ("--datasets", "toy", "--evaluators", "count", "--device", "cpu", "--set", "toy-slow.pause=0")


METHODS = ("--methods", "toy-first,toy-slow[iterations=3],toy-slow[iterations=5]", "--ipc", "1")


@pytest.fixture(scope="module")
def home(dcbench: CommandLine, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with results: one method in two settings, and a selection; snapshots were evaluated later."""
    folder = tmp_path_factory.mktemp("figure")
    final = dcbench("run", *GRID, *METHODS, "--data", data, cwd=folder)
    assert "[6/6]" in final.err
    ended = dcbench("run", *GRID, *METHODS, "--snapshots", "--data", data, cwd=folder)
    assert ended.code == 0, ended.err
    assert ended.out == final.out, "snapshots are in no table"
    lines = sorted(line.partition(" done ")[2] for line in ended.err.splitlines()[:-1])
    assert len(lines) == 2, "what was finished is not made again"
    assert "toy ipc 1 toy-slow[pause=0,iterations=3] replicate 0: evaluate count at step 0" in lines[0]
    return folder


@pytest.mark.parametrize(
    "words",
    [
        ("curves",),
        ("curves", "--over", "seconds"),
        ("ipc",),
        ("images", "--methods", "toy-slow[pause=0,iterations=3]", "--decoded"),
        ("images", "--methods", "toy-first"),
        (
            "setting",
            "--methods",
            "toy-slow[pause=0,iterations=3],toy-slow[pause=0,iterations=5]",
            "--setting",
            "iterations",
        ),
    ],
    ids=lambda words: "-".join(words[:3:2]),
)
def test_a_figure_is_written(dcbench: CommandLine, data: Path, home: Path, words: tuple[str, ...]) -> None:
    ended = dcbench("figure", *words, "--output", "x.svg", "--data", data, cwd=home)
    assert (ended.code, ended.out, ended.err) == (0, "", "wrote x.svg\n")
    assert "</text>" in (home / "x.svg").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("curves", "--methods", "toy-first"), "no snapshot is evaluated here; 'dcbench run ... --snapshots' does it"),
        (("ipc", "--datasets", "mnist"), "no finished cell here has --datasets mnist; there is toy"),
        (("ipc", "--seeds", "9"), "no finished cell here has --seeds 9; there is 0"),
        (("ipc", "--output", "no/such/x.png"), "figure: Invalid value for '--output': there is no folder no/such"),
        (("images",), "3 condensed sets fit; name one with --cell: "),
        (("images", "--seeds", "9"), "no condensed set fits here; 'dcbench run' makes some"),
        (("images", "--cell", "zz"), "no cell in results has a digest that begins with 'zz'"),
        (("setting",), "say which setting with --setting, such as --setting iterations_per_model"),
        (("setting", "--setting", "kernel"), "no finished cell here has a setting 'kernel'"),
        (("setting", "--setting", "pause", "--methods", "tyo"), "no finished cell of tyo here has a setting 'pause'"),
        (("setting", "--setting", "pause", "--methods", "toy-slow"), "no two cells of toy-slow differ in pause alone"),
        (("setting", "--setting", "pause"), "no two cells of toy-slow differ in pause alone; 'dcbench run --methods"),
        (("ipc", "--output", "x.gif"), "x.gif: a figure is written as .svg, .pdf, .png"),
        (("ipc", "--results", "elsewhere"), "there is no results folder elsewhere; 'dcbench run' makes one"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_one_line(
    dcbench: CommandLine, home: Path, words: tuple[str, ...], message: str
) -> None:
    output = () if "--output" in words else ("--output", "none.png")
    ended = dcbench("figure", *words, *output, cwd=home)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"dcbench: {message}")
    assert ended.err.count("\n") == 1
    assert not (home / "none.png").exists()


def test_a_cell_is_named_by_the_head_of_its_digest(dcbench: CommandLine, home: Path) -> None:
    (path, *_) = sorted(home.glob("results/toy/toy-slow/ipc1/*.condensed.h5"))
    head = path.name.partition("-")[2][:7]
    ended = dcbench("figure", "images", "--cell", head, "--output", "y.pdf", cwd=home)
    assert ended.code == 0, ended.err
    assert (home / "y.pdf").read_bytes().startswith(b"%PDF")


def test_snapshots_are_not_evaluated_twice(dcbench: CommandLine, data: Path, home: Path) -> None:
    again = dcbench("run", *GRID, *METHODS, "--snapshots", "--dry-run", "--data", data, cwd=home)
    assert again.out.splitlines()[-1] == "3 cells: 0 jobs to do, 8 finished, 0 failed before"
