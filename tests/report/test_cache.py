"""The cache of what reports read: it saves time, and never changes what a report shows."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from support.made_results import add
from support.made_sets import add_set

from dcbench.report import cache, results
from dcbench.report.report import Query, build
from dcbench.report.results import frame, sets


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], list[str]]:
    """Cache whatever is read in a folder of its own; return which files were opened since the last call."""
    names: list[str] = []

    def noting(read: Callable[[Path], object]) -> Callable[[Path], object]:
        return lambda path: names.append(path.name) or read(path)

    monkeypatch.setenv("DCBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "_FEWEST", 1)
    monkeypatch.setattr(cache, "_SETTLED", -(10**12))
    monkeypatch.setattr(results, "read_evaluation", noting(results.read_evaluation))
    monkeypatch.setattr(results, "read_about", noting(results.read_about))

    def since() -> list[str]:
        found = sorted(names)
        names.clear()
        return found

    return since


def held(folder: Path) -> list[Path]:
    return sorted((folder / "cache").rglob("*.cache"))


def test_what_was_read_once_is_not_opened_again_and_is_the_same(
    tmp_path: Path, opened: Callable[[], list[str]]
) -> None:
    store = tmp_path / "store"
    for method in ("dm", "m3d"):
        add(store, method, [50.0, 0.1 + 0.2], best=[60.0, 61.0], class_names=("a", "b"), train_images=7)
        add(store, method, [40.0], step=10, recipe={"augmentation": "dc", "strategy": "rotate"})
        add_set(store, method, seconds=1.5)
    first = frame(store), sets(store)
    assert len(opened()) == 6
    again = frame(store), sets(store)
    assert opened() == []
    for one, other in zip(first, again, strict=True):
        pd.testing.assert_frame_equal(pd.DataFrame(one), pd.DataFrame(other))


def test_a_file_that_changed_is_read_again_and_no_other(tmp_path: Path, opened: Callable[[], list[str]]) -> None:
    store = tmp_path / "store"
    path, _ = (add(store, method, [50.0]) for method in ("dm", "m3d"))
    frame(store)
    opened()
    add(store, "dm", [60.0])
    assert set(frame(store)["value"]) == {50.0, 60.0}
    assert opened() == [path.name]


def test_a_file_of_equal_size_whose_time_is_set_back_is_read_again(
    tmp_path: Path, opened: Callable[[], list[str]]
) -> None:
    store = tmp_path / "store"
    path = add(store, "dm", [50.0])
    before = path.stat()
    frame(store)
    add(store, "dm", [60.0])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert frame(store)["value"].tolist() == [60.0]


def test_a_file_that_has_just_changed_is_not_kept(
    tmp_path: Path, opened: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_SETTLED", 10**12)
    path = add(tmp_path / "store", "dm", [50.0])
    for _ in range(2):
        frame(tmp_path / "store")
        assert opened() == [path.name]


def test_what_is_gone_from_the_folder_is_gone_from_the_report(tmp_path: Path, opened: Callable[[], list[str]]) -> None:
    store = tmp_path / "store"
    path, _ = (add(store, method, [50.0]) for method in ("dm", "m3d"))
    frame(store)
    path.unlink()
    assert frame(store)["method"].tolist() == ["m3d"]
    (file,) = held(tmp_path)
    assert len(cache._load(file, cache._stamp(results._CODE))) == 1


def test_a_damaged_result_is_warned_of_each_time(tmp_path: Path, opened: Callable[[], list[str]]) -> None:
    path = add(tmp_path / "store", "dm", [50.0])
    path.write_bytes(path.read_bytes()[:300])
    for _ in range(2):
        with pytest.warns(UserWarning, match="is damaged"):
            assert frame(tmp_path / "store").empty


@pytest.mark.parametrize("position", [0, 10, 70, 100, 140, -1], ids=str)
def test_damage_of_the_cache_costs_time_and_nothing_else(
    tmp_path: Path, opened: Callable[[], list[str]], position: int
) -> None:
    path = add(tmp_path / "store", "dm", [50.0])
    frame(tmp_path / "store")
    (file,) = held(tmp_path)
    whole = file.read_bytes()
    opened()
    for damaged in (b"", whole[:position], bytes([*whole[:position], whole[position] ^ 1]) + whole[position:][1:]):
        file.write_bytes(damaged)
        assert frame(tmp_path / "store")["value"].tolist() == [50.0]
        assert opened() == [path.name]
    assert file.read_bytes() == whole, "it is made anew"


def test_what_other_code_made_of_a_file_does_not_count(
    tmp_path: Path, opened: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = add(tmp_path / "store", "dm", [50.0])
    frame(tmp_path / "store")
    opened()
    monkeypatch.setattr(results, "_CODE", (test_what_other_code_made_of_a_file_does_not_count,))
    frame(tmp_path / "store")
    assert opened() == [path.name]


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, opened: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DCBENCH_CACHE", str(tmp_path / "file"))
    add(tmp_path / "store", "dm", [50.0])
    assert frame(tmp_path / "store")["value"].tolist() == [50.0]


def test_a_small_folder_is_read_without_a_cache(
    tmp_path: Path, opened: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_FEWEST", 2)
    add(tmp_path / "store", "dm", [50.0])
    frame(tmp_path / "store")
    assert held(tmp_path) == []


@pytest.mark.slow
def test_a_report_over_ten_thousand_cells_takes_seconds_the_second_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dcbench.engine.store.atomic._sync", lambda path: None)  # waiting for the disk is not measured
    monkeypatch.setenv("DCBENCH_CACHE", str(tmp_path / "cache"))
    for number in range(10_000):
        method, rest = divmod(number, 250)
        ipc, replicate = divmod(rest, 10)
        add(tmp_path / "store", f"method-{method}", [50.0] * 5, best=[51.0] * 5, ipc=ipc + 1, replicate=replicate)
    first = build(Query(tmp_path / "store"))
    start = time.process_time()
    again = build(Query(tmp_path / "store"))
    assert time.process_time() - start < 10
    assert "· 10,000 cells" in again.tables[0].notes[0]
    assert again.tables == first.tables
