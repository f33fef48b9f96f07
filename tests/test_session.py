from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dcbench.engine.bench import Prepared
from dcbench.engine.plan.request import make_request
from dcbench.engine.plan.survey import Survey
from dcbench.engine.store.layout import Layout
from dcbench.session import finish


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    """A run with nothing to do and nothing to show."""
    registry: Any = SimpleNamespace(notify=lambda *_, **__: [])
    request = make_request(methods="toy-slow", results=tmp_path)
    return Prepared(request, registry, Layout(tmp_path), [], Survey())


def test_a_report_that_cannot_be_stored_is_warned_about_and_the_table_is_there(prepared: Prepared) -> None:
    stored = finish(prepared, lambda _: None)
    assert stored.report is not None
    stored.report.unlink()
    stored.report.mkdir()
    ended = finish(prepared, lambda _: None)
    assert (ended.text, ended.report) == (stored.text, None)
    (warning,) = ended.outcome.warnings
    assert warning.startswith(f"the report is not stored in {stored.report}: ")
