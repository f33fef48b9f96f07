"""The numbers that the page on notebooks makes by hand are those of the tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.documentation import DOCS, blocks
from support.made_results import add

import dcbench
from dcbench.report.summary import COORDINATES, summarise


def test_the_numbers_of_the_page_are_those_of_the_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = tmp_path / "results"
    add(results, "dm", [1.0, 2.0, 6.0], best=[2.0, 2.0, 7.0])
    add(results, "dm", [3.0, 4.0], replicate=1)
    add(results, "dm", [90.0], step=0)
    add(results, "dm", [20.0, 21.0], protocol="m3d")
    add(results, "dm", [30.0, 31.0], network="resnet10")
    add(results, "dm", [40.0, 41.0], split="validation")
    add(results, "dm", [0.5, 0.75], evaluator="moments", protocol="", unit="distance")
    (code,) = (block.code for block in blocks((DOCS / "howto" / "notebook.md").read_text()) if "groupby" in block.code)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"dcbench": dcbench}
    exec(code, names)
    own = names["numbers"].reset_index()
    columns = [*COORDINATES, "variant", "mean", "std", "n"]
    summary = summarise(dcbench.frame(results))
    wanted = summary[summary["main"].astype(bool)]
    assert sorted(own[columns].to_numpy().tolist()) == sorted(wanted[columns].to_numpy().tolist())
    assert len(own) == 5
