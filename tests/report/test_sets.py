from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

import pytest
from made_results import cell_of
from made_sets import add_set

from dcbench.engine.store.layout import Layout
from dcbench.report.sets import COLUMNS, sets

if TYPE_CHECKING:
    from pathlib import Path


def test_there_is_a_row_for_each_set(tmp_path: Path) -> None:
    path = add_set(tmp_path, "dm", ipc=2, replicate=1, seconds=3.5, snapshots={10: 2.0, 0: 0.5}, settings={"lr": 2.0})
    add_set(tmp_path, "m3d", split="validation", snapshots={0: None})
    table = sets(tmp_path)
    first, second = table.to_dict("records")
    assert list(table.columns) == COLUMNS
    expected = {
        "digest": cell_of("dm", ipc=2, replicate=1, settings={"lr": 2.0}).digest,
        "dataset": "toy",
        "method": "dm",
        "label": "dm",
        "ipc": 2,
        "replicate": 1,
        "split": "test",
        "settings": {"lr": 2.0},
        "seconds": 3.5,
        "device": "a processor",
        "finished": "2026-01-01T00:00:00+00:00",
        "numbers": 384,
        "conditions": {
            "train": "aa",
            "mean": [0.5],
            "std": [0.25],
            "mirror_ok": False,
            "revision": 1,
            "network_revision": 1,
        },
        "snapshots": {0: 0.5, 10: 2.0},
        "file": str(path),
    }
    assert {name: first[name] for name in expected} == expected
    assert (second["method"], second["split"], second["snapshots"]) == ("m3d", "validation", {0: None})


def test_nothing_has_the_same_columns(tmp_path: Path) -> None:
    assert list(sets(tmp_path).columns) == COLUMNS


def test_a_damaged_file_is_left_out_with_a_warning(tmp_path: Path) -> None:
    path = add_set(tmp_path, "dm")
    add_set(tmp_path, "m3d")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.warns(UserWarning, match="is damaged.*left out"):
        table = sets(tmp_path)
    assert table["method"].tolist() == ["m3d"]


def test_a_file_that_cannot_be_read_now_is_left_out_and_one_that_is_gone_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked, gone = add_set(tmp_path, "dm"), add_set(tmp_path, "idm")
    add_set(tmp_path, "m3d")
    listed = Layout(tmp_path).all_condensed()
    locked.unlink()
    locked.mkdir()
    gone.unlink()
    monkeypatch.setattr(Layout, "all_condensed", lambda _: listed)
    with pytest.warns(UserWarning, match="cannot be read now.*left out"):
        assert sets(tmp_path)["method"].tolist() == ["m3d"]


@pytest.mark.slow
def test_a_thousand_files_take_seconds(tmp_path: Path) -> None:
    path = add_set(tmp_path, "dm", snapshots=dict.fromkeys((0, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000), 1.0))
    for number in range(1, 1000):
        shutil.copy(path, path.with_name(f"s{number}-{path.name.partition('-')[2]}"))
    start = time.process_time()
    assert len(sets(tmp_path)) == 1000
    assert time.process_time() - start < 4
