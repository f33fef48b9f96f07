from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.made_cells import made_trial

from dcbench.engine.jobs import EvaluateJob
from dcbench.engine.plan.pending import Pending
from dcbench.engine.plan.planner import PlannedCell, PlannedTrial
from dcbench.engine.plan.request import make_request
from dcbench.engine.run import Prepared
from dcbench.engine.store.failures import Failure
from dcbench.engine.store.store import Store
from dcbench.session import finish


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    """A run with nothing to do and nothing to show."""
    registry: Any = SimpleNamespace(notify=lambda *_, **__: [])
    request = make_request(methods="toy-slow", results=tmp_path)
    return Prepared(request, registry, Store(tmp_path), [], Pending())


def test_a_report_that_cannot_be_stored_is_warned_about_and_the_table_is_there(prepared: Prepared) -> None:
    stored = finish(prepared, lambda _: None)
    assert stored.report is not None
    stored.report.unlink()
    stored.report.mkdir()
    ended = finish(prepared, lambda _: None)
    assert (ended.text, ended.report) == (stored.text, None)
    (warning,) = ended.outcome.warnings
    assert warning.startswith(f"the report is not stored in {stored.report}: ")


def test_what_failed_before_counts_below_the_tables_that_lack_it(prepared: Prepared) -> None:
    trials = [made_trial(), made_trial(record="other", label="other")]
    failed = prepared.store.keep_failure(EvaluateJob(trial=trials[0], first=0, stop=3), Failure("ValueError", ""))
    plan = [PlannedCell(trials[0].cell, tuple(PlannedTrial(trial, 3) for trial in trials), range(3))]
    text = finish(replace(prepared, plan=plan, pending=Pending(failed_before=[failed])), lambda _: None).text
    assert [line.partition(" cell")[2].strip() for line in text.splitlines() if "cell" in line] == ["· 1 failed", ""]
