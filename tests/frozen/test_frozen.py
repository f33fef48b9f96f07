"""Every version reads the same numbers from a store of the first one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from frozen.held import STORE, numbers_of
from support.command_line import CommandLine

from dcbench.engine.store.sets import read_condensed

_HOME = Path(__file__).parent
_LIMIT = 1_000_000
_CHECKPOINT = "s0-4de999228845.checkpoint.h5"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A copy: commands may write into a results folder."""
    return Path(shutil.copytree(STORE, tmp_path / "results"))


@pytest.fixture(scope="module")
def dcbench() -> CommandLine:
    command = CommandLine()
    yield command
    command.close()


def test_it_is_small_and_has_every_kind_of_file() -> None:
    names = [path.name for path in STORE.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in STORE.rglob("*") if path.is_file()) < _LIMIT
    for ending in (".condensed.h5", ".part.h5", ".r0-1.h5", ".r2-2.h5", ".checkpoint.h5", ".failed.json", ".log"):
        assert any(name.endswith(ending) for name in names), ending
    assert {"index.h5", "kept.h5"} < set(names)


def test_every_file_holds_what_it_held() -> None:
    expected = json.loads((_HOME / "expected.json").read_text())
    now = json.loads(json.dumps(numbers_of(STORE)))
    assert set(now) == set(expected)
    for name, held in expected.items():
        _check_same(now[name], held, name)


def test_a_report_prints_the_same_numbers(dcbench: CommandLine, store: Path, tmp_path: Path) -> None:
    ended = dcbench("report", "--results", store, "--format", "json", cwd=tmp_path)
    assert ended.code == 0, ended.err
    now = {(row["variant"], row["figure"]): row for row in json.loads(ended.out)}
    expected = json.loads((_HOME / "expected_report.json").read_text())
    assert len(now) == len(expected)
    for row in expected:
        _check_same(now[row["variant"], row["figure"]], row, row["label"])


def test_stored_reports_print_their_text_and_know_that_nothing_changed(
    dcbench: CommandLine, store: Path, tmp_path: Path
) -> None:
    ended = dcbench("report", "--results", store, "--stored", "kept", cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert ended.out == (_HOME / "expected_kept.txt").read_text()


def test_the_failure_and_every_cell_can_be_shown(dcbench: CommandLine, store: Path, tmp_path: Path) -> None:
    ended = dcbench("report", "--results", store, "--ipc", "1", "--methods", "random", cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert "80.8" in ended.out
    for path in store.glob("digits/*/ipc1/*.condensed.h5"):
        digest = path.name.split("-")[1].removesuffix(".condensed.h5")
        shown = dcbench("show", digest, "--results", store, cwd=tmp_path)
        assert shown.code == 0, shown.err


def test_a_run_goes_on_from_the_checkpoint(dcbench: CommandLine, store: Path, tmp_path: Path) -> None:
    folder = store / "digits" / "m3d" / "ipc1"
    said = json.loads((_HOME / "expected.json").read_text())[f"digits/m3d/ipc1/{_CHECKPOINT}"]
    whole = (
        "--datasets",
        "digits",
        "--methods",
        "m3d[iterations=60,lr=0.015,network=convnet3]",
        "--ipc",
        "1",
        "--seeds",
        "0",
        "--evaluators",
        "moments",
    )
    ended = dcbench(
        "run", "--results", store, *whole, "--repeats", "1", "--deterministic", "--device", "cpu", cwd=tmp_path
    )
    assert ended.code == 0, ended.err
    record = read_condensed(folder / _CHECKPOINT.replace("checkpoint", "condensed"))
    assert len(record.trace["loss"]) == 60
    assert [list(point) for point in record.trace["loss"]][:52] == said["trace"]["loss"]


def _check_same(now: Any, held: Any, where: str) -> None:
    """Ask for all that was *held*; *now* may say more."""
    if isinstance(held, dict):
        for name, value in held.items():
            assert name in now, f"{where}: {name} is gone"
            _check_same(now[name], value, f"{where}: {name}")
    elif isinstance(held, list):
        assert len(now) == len(held), where
        for number, (one, other) in enumerate(zip(now, held, strict=True)):
            _check_same(one, other, f"{where} {number}")
    else:
        assert now == pytest.approx(held, rel=1e-12) if isinstance(held, float) else now == held, where
