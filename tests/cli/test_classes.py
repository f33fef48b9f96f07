"""Condensed sets that are made in parts, by several runs with ``--classes``."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

from dcbench.engine.store.hdf5 import get_facts

if TYPE_CHECKING:
    from support.command_line import CommandLine, Ended

GRID = ("--methods", "toy-slow[iterations=4,pause=0]", "--datasets", "toy[classes=4]", "--evaluators", "count")
TITLE = "toy ipc 2 toy-slow[iterations=4,pause=0] replicate 0"
FOLDER = Path("toy/toy-slow/ipc2")


@dataclass(frozen=True)
class Parts:
    """A home with the results ``one``, made in parts by several runs, and ``whole``, made at once."""

    home: Path
    first: Ended
    """The run of one class of four."""
    planned: Ended
    """What a run without ``--classes`` would do when another class has come from another machine."""
    shown: Ended
    """The card of the cell at that time."""
    last: Ended
    """The run of the other two."""
    at_once: Ended


@pytest.fixture(scope="module")
def parts(dcbench: CommandLine, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Parts:
    home = tmp_path_factory.mktemp("parts")

    def run(results: str, *options: str) -> Ended:
        return dcbench(
            "run", *GRID, "--ipc", "2", "--device", "cpu", "--data", data, "--results", results, *options, cwd=home
        )

    first = run("one", "--classes", "1")
    assert run("other", "--classes", "0").code == 0
    (part,) = (home / "other" / FOLDER).glob("*.part.h5")
    shutil.copy(part, home / "one" / FOLDER)
    planned = run("one", "--dry-run")
    shown = dcbench("show", part.name[3:15], "--results", "one", cwd=home)
    return Parts(home, first, planned, shown, run("one", "--classes", "2-3"), run("whole"))


def _content(folder: Path) -> tuple[dict[str, np.ndarray], dict[str, object]]:
    """Return the arrays of the condensed set, snapshots included, and its facts."""
    (path,) = folder.glob("*.condensed.h5")
    arrays: dict[str, np.ndarray] = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: arrays.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
        return arrays, get_facts(file)


@pytest.mark.slow
def test_a_run_of_some_classes_makes_their_part_and_says_what_is_missing(parts: Parts) -> None:
    assert parts.first.code == 0, parts.first.err
    assert f"[1/1] done    {TITLE}: condense classes 1 (" in parts.first.err
    (said,) = [line for line in parts.first.err.splitlines() if "missing" in line]
    assert said == (
        f"{TITLE}: classes 0, 2-3 are missing; run with --classes 0 and --classes 2-3, "
        f"or copy their parts into one/{FOLDER}"
    )
    assert "0/1 cell" in parts.first.out


@pytest.mark.slow
def test_a_run_of_all_classes_would_condense_those_that_no_part_holds(parts: Parts) -> None:
    assert parts.planned.out.splitlines()[1:] == [
        f"{TITLE}: condense classes 2-3",
        f"{TITLE}: assemble parts",
        f"{TITLE}: evaluate count",
        "1 cell: 3 jobs to do, 2 finished, 0 failed before",
    ]


@pytest.mark.slow
def test_the_card_of_a_cell_shows_its_parts(parts: Parts, dcbench: CommandLine) -> None:
    assert (parts.shown.code, parts.shown.err) == (0, "")
    assert "no condensed set\n\nPart with classes 0\n  holds  2 images of 1x8x8\n" in parts.shown.out
    assert "\nPart with classes 1\n  holds  2 images of 1x8x8\n" in parts.shown.out
    (condensed,) = (parts.home / "one" / FOLDER).glob("*.condensed.h5")
    assembled = dcbench("show", condensed, "--results", "one", cwd=parts.home)
    assert re.search(r"^Parts\n  classes 0 .*\n  classes 1 .*\n  classes 2-3 ", assembled.out, re.MULTILINE)


@pytest.mark.slow
def test_the_last_part_completes_the_set_which_is_assembled_and_evaluated(parts: Parts) -> None:
    assert parts.last.code == 0, parts.last.err
    actions = re.findall(rf"done    {re.escape(TITLE)}: (.*) \(", parts.last.err)
    assert actions == ["condense classes 2-3", "assemble parts", "evaluate count"]
    assert "missing" not in parts.last.err
    names = sorted(path.name.partition(".")[2] for path in (parts.home / "one" / FOLDER).iterdir())
    assert [re.sub(r"-.*", "", name) for name in names if not name.endswith(".log")] == ["condensed.h5", "count"]


@pytest.mark.slow
def test_a_set_made_in_parts_has_the_bits_of_one_made_at_once(parts: Parts) -> None:
    assert parts.at_once.code == 0, parts.at_once.err
    assert parts.last.out == parts.at_once.out
    (arrays, facts), (expected, known) = (_content(parts.home / name / FOLDER) for name in ("one", "whole"))
    assert arrays["images"].shape == (8, 1, 8, 8)
    assert arrays.keys() == expected.keys()
    for name, values in expected.items():
        if name == "trace/sum/values":
            np.testing.assert_allclose(arrays[name], values, rtol=1e-6)
        else:
            np.testing.assert_array_equal(arrays[name], values, err_msg=name)
    for name in ("digest", "settings", "numbers", "ipc", "cite"):
        assert facts[name] == known[name]
    assert facts.keys() - known.keys() == {"parts"}


@pytest.mark.slow
def test_a_set_that_is_there_needs_no_part(parts: Parts, dcbench: CommandLine, data: Path) -> None:
    more = ("--ipc", "2", "--data", data, "--results", "one", "--classes", "0", "--dry-run")
    ended = dcbench("run", *GRID, "--device", "cpu", *more, cwd=parts.home)
    assert ended.out.splitlines()[1:] == ["1 cell: 0 jobs to do, 2 finished, 0 failed before"]


def test_a_dry_run_of_a_part_says_what_will_be_missing(dcbench: CommandLine, data: Path, tmp_path: Path) -> None:
    more = ("--ipc", "2", "--data", data, "--classes", "1-2", "--dry-run")
    ended = dcbench("run", *GRID, "--device", "cpu", *more, cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    counts, part, missing, last = ended.out.splitlines()
    assert counts.endswith(" of each class")
    assert part == f"{TITLE}: condense classes 1-2"
    assert missing.startswith(f"{TITLE}: classes 0, 3 are missing; run with --classes 0 and --classes 3, or copy")
    assert last == "1 cell: 1 job to do, 0 finished, 0 failed before"
    assert list(tmp_path.iterdir()) == []
