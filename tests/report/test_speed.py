from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from support.made_reports import grid_tables
from support.made_results import add

from dcbench.report import render
from dcbench.report.results import frame
from dcbench.report.summary import summarise

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
def test_a_report_over_a_thousand_cells_takes_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dcbench.engine.store.atomic._sync", lambda path: None)  # waiting for the disk is not measured
    for number in range(1000):
        method, rest = divmod(number, 40)
        ipc, seed = divmod(rest, 10)
        add(tmp_path, f"method-{method}", [50.0] * 5, best=[51.0] * 5, ipc=ipc + 1, replicate=seed)
    start = time.process_time()
    (table, _) = grid_tables(summarise(frame(tmp_path)))
    text = render.terminal([table])
    assert time.process_time() - start < 8, "4 are promised; other work may slow this machine down by half"
    assert "· 1,000 cells" in text
