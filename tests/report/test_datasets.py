from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from made_results import add, cell_of

from dcbench.engine.cells import Cell
from dcbench.report.beside import beside
from dcbench.report.frame import frame
from dcbench.report.summary import summarise
from dcbench.report.tables.grid import grid_tables

if TYPE_CHECKING:
    from pathlib import Path

KNOWN = {
    "train": "b27a876aec5ed024ce11da34297f480eeb785a4406db3d8bed021944b60a0481",
    "test": "b782bf7e6dab32643105711611c6472290ddc64cdcec4c003351dd5a087eb740",
}
OTHER = {"train": "13d7542c3d07c2263262c91f9167b7eb27401afaff3861786618ffbc505f694d", "test": KNOWN["test"]}


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Add a number of `random`, published at 64.9 under ``dc``, whose dataset has the changes given."""
    original = cell_of

    def add_with(method: str = "random", **changes: Any) -> Path:
        def changed(name: str, **cell: Any) -> Cell:
            made = original(name, **cell)
            return made.model_copy(update={"dataset": made.dataset.model_copy(update=changes)})

        monkeypatch.setattr("made_results.cell_of", changed)
        return add(tmp_path, method, [60.0], dataset="mnist", protocol="dc")

    return add_with


def rows(results: Path) -> dict[str, tuple[str, ...]]:
    (table,) = grid_tables(beside(summarise(frame(results))))
    return {row.names[0]: tuple("" if one is None else one.published for one in row.numbers) for row in table.rows}


def test_other_data_is_a_row_of_its_own_without_a_published_number(tmp_path: Path, made: Any) -> None:
    made(**KNOWN, other_data="")
    made(**OTHER, other_data="all 4 files are of fashion-mnist")
    assert rows(tmp_path) == {"mnist": ("64.9 ± 3.5 (5x20)",), "mnist (other data)": ("",)}
    summary = beside(summarise(frame(tmp_path))).set_index("dataset")
    assert pd.isna(summary.loc["mnist (other data)", "difference"])
    assert summary.loc["mnist", "difference"] == pytest.approx(60.0 - 64.9)


def test_what_is_measured_on_other_data_does_not_compete(tmp_path: Path, made: Any) -> None:
    made(**KNOWN, other_data="")
    made("dm", **OTHER, other_data="all 4 files are of fashion-mnist")
    (table,) = grid_tables(summarise(frame(tmp_path)))
    assert [number.rank for row in table.rows for number in row.numbers if number] == ["", ""]
    assert table.notes[-1] == (
        "mnist (other data): not the standard mnist; 'dcbench show' says of a cell in what it differs"
    )


def test_files_that_do_not_say_it_are_told_by_their_fingerprints(tmp_path: Path, made: Any) -> None:
    made(**KNOWN, other_data=None)
    assert list(rows(tmp_path)) == ["mnist"]
    made(**OTHER, other_data=None)
    assert rows(tmp_path) == {"mnist": ("64.9 ± 3.5 (5x20)",), "mnist (other data)": ("",)}


def test_an_older_file_of_the_same_data_stands_in_the_same_row(tmp_path: Path, made: Any) -> None:
    made(train="aa", test="bb", record="imagenette", name="imagenette", other_data=None)
    assert list(rows(tmp_path)) == ["imagenette"]
    made("dm", train="aa", test="bb", record="imagenette", name="imagenette", other_data="half of it")
    assert rows(tmp_path) == {"imagenette (other data)": ("", "")}
