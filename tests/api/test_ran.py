from __future__ import annotations

import pytest

from dcbench.api.errors import FallbackError
from dcbench.api.ran import ran, recording


def test_a_fallback_is_kept_once_and_warned_of_once() -> None:
    with recording() as record:
        with pytest.warns(UserWarning, match="^no compiler$"):
            ran().fall_back("no compiler")
        ran().fall_back("no compiler")
    assert record.facts() == {"capture": False, "compiled": False, "fallbacks": ["no compiler"]}


def test_a_job_begins_with_a_record_of_its_own_and_the_fallback_that_led_to_it() -> None:
    with recording(fallbacks=["it failed before"]) as outer:
        outer.captured = True
        with recording() as inner:
            assert ran() is inner
            assert inner.facts() == {"capture": False, "compiled": False, "fallbacks": []}
        assert ran() is outer
        assert outer.fallbacks == ["it failed before"]


def test_a_strict_run_takes_no_fallback() -> None:
    with recording(strict=True) as record, pytest.raises(FallbackError, match=r"^--strict: no compiler$"):
        ran().fall_back("no compiler")
    assert record.fallbacks == []
