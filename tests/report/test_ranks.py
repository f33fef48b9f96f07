"""Best and second are told from the others by a paired test over sets, or nothing is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.made_reports import grid_tables
from support.made_results import add, add_sets

from dcbench.report import render
from dcbench.report.results import frame
from dcbench.report.summary import summarise

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dcbench.api.report import Table

UNTESTED = "no best is named where numbers share fewer than 6 sets, too few for a paired test"
TIE = "= not told from the best: paired test over sets, p ≥ 0.05"


def table_of(folder: Path, **values: Sequence[float]) -> Table:
    """Return the table of methods, each with a value for each seed from 0 on."""
    for method, of_seeds in values.items():
        for seed, value in enumerate(of_seeds):
            add(folder, method, [value], replicate=seed)
    (table,) = grid_tables(summarise(frame(folder)))
    return table


def ranks(table: Table) -> dict[str, str]:
    return {label: n.rank for label, n in zip(table.columns, table.rows[0].numbers, strict=True) if n}


def test_what_lies_within_the_noise_is_a_tie_and_nothing_is_best(tmp_path: Path) -> None:
    table = table_of(
        tmp_path, random=[70, 72, 74, 76, 78, 80], dm=[90, 91, 92, 90, 91, 92], m3d=[92, 90, 91, 91, 92, 90.5]
    )
    assert ranks(table) == {"random": "", "dm": "tie", "m3d": "tie"}
    assert TIE in table.notes
    for text in (render.terminal([table]), render.markdown([table]), render.latex([table])):
        assert text.count("(6x1) =") == 2
        assert "**9" not in text
        assert "textbf" not in text


def test_a_small_gain_that_every_pair_of_sets_has_is_told_though_the_deviations_overlap(tmp_path: Path) -> None:
    low = [60.0, 65.0, 70.0, 75.0, 80.0, 85.0]
    table = table_of(tmp_path, dm=low, m3d=[value + 1 for value in low], random=[value - 1 for value in low])
    assert ranks(table) == {"random": "", "dm": "second", "m3d": "best"}


def test_the_second_is_named_only_if_the_rest_is_below_it(tmp_path: Path) -> None:
    table = table_of(tmp_path, m3d=[90.0] * 6, dm=[80, 81, 82, 80, 81, 82], random=[82, 80, 81, 81, 82, 80.5])
    assert ranks(table) == {"random": "", "dm": "", "m3d": "best"}


def test_methods_that_chose_the_same_sets_are_a_tie(tmp_path: Path) -> None:
    table = table_of(tmp_path, herding=[90.0] * 6, dm=[90.0] * 6)
    assert ranks(table) == {"herding": "tie", "dm": "tie"}


@pytest.mark.parametrize("sets", [1, 2, 5])
def test_with_fewer_than_six_sets_nothing_is_best_and_a_line_says_why(tmp_path: Path, sets: int) -> None:
    add_sets(tmp_path, "dm", 50.0, sets)
    add_sets(tmp_path, "m3d", 90.0, sets)
    (table,) = grid_tables(summarise(frame(tmp_path)))
    assert ranks(table) == {"dm": "", "m3d": ""}
    assert UNTESTED in table.notes


def test_a_set_without_a_partner_takes_the_bold_away_but_is_no_tie(tmp_path: Path) -> None:
    add_sets(tmp_path, "dm", 50.0)
    add_sets(tmp_path, "m3d", 90.0)
    add(tmp_path, "random", [10.0])
    (table,) = grid_tables(summarise(frame(tmp_path)))
    assert ranks(table) == {"random": "", "dm": "", "m3d": ""}
    assert UNTESTED in table.notes


def test_a_deviation_over_one_set_looks_different_from_one_over_sets(tmp_path: Path) -> None:
    add(tmp_path, "dm", [50.0, 52.0])
    add(tmp_path, "random", [10.0])
    for seed in (0, 1):
        add(tmp_path, "m3d", [60.0, 62.0], replicate=seed)
    (table,) = grid_tables(summarise(frame(tmp_path)))
    numbers = dict(zip(table.columns, map(str, table.rows[0].numbers), strict=True))
    assert numbers == {"dm": "51.0 (±1.0) (1x2)", "random": "10.0 (1x1)", "m3d": "61.0 ± 1.0 (2x2)"}
    assert any(note.startswith("(±std): over the networks of one set") for note in table.notes)
    assert "51.0 ($\\pm$1.0) (1x2)" in render.latex([table])
