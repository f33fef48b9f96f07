from __future__ import annotations

from typing import TYPE_CHECKING

import h5py
from made_results import add, cell_of

from dcbench.report.frame import frame
from dcbench.report.render import RECORD
from dcbench.report.stored import store_report
from dcbench.report.summary import summarise

if TYPE_CHECKING:
    from pathlib import Path


def _columns(path: Path) -> dict[str, list[object]]:
    with h5py.File(path) as file:
        return {
            name: (data.asstr() if data.dtype.kind == "O" else data)[()].tolist()
            for name, data in file["columns"].items()
        }


def test_a_report_is_stored_by_value_with_its_text_and_the_cells_it_came_from(tmp_path: Path) -> None:
    add(tmp_path, "dm", [1.0, 2.0], seed=0)
    add(tmp_path, "dm", [3.0, 6.0], seed=1)
    summary, path = summarise(frame(tmp_path)), tmp_path / "reports" / "mine.h5"
    store_report(path, summary, "the table: 3.0 ± 1.9\n")
    with h5py.File(path) as file:
        assert file["text"].asstr()[()] == "the table: 3.0 ± 1.9\n"
        assert file.attrs["dcbench_kind"] == b"report"
    columns = _columns(path)
    assert set(columns) == {*RECORD, "digests"}
    assert {name: values[0] for name, values in columns.items()} == {
        **summary.iloc[0][RECORD].to_dict(),
        "digests": " ".join(sorted(cell_of("dm", seed=seed).digest for seed in (0, 1))),
    }


def test_a_report_over_nothing_is_stored_too(tmp_path: Path) -> None:
    store_report(tmp_path / "none.h5", summarise(frame(tmp_path)), "nothing")
    assert all(values == [] for values in _columns(tmp_path / "none.h5").values())
