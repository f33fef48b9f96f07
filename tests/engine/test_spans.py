from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from dcbench.engine.spans import Span, as_span, span_text, spans_of

SPANS = st.builds(lambda first, more: range(first, first + more), st.integers(0, 200), st.integers(1, 50))


class Holder(BaseModel):
    span: Span


@given(SPANS)
def test_a_span_comes_back_from_its_text_and_from_json(span: range) -> None:
    assert as_span(span_text(span)) == as_span(span) == span
    assert Holder.model_validate_json(Holder(span=span).model_dump_json()).span == span


def test_both_ends_of_a_text_are_included() -> None:
    assert as_span("0-19") == range(20)
    assert as_span("7") == as_span(7) == range(7, 8)
    assert [span_text(span) for span in (range(20), range(7, 8))] == ["0-19", "7"]


@pytest.mark.parametrize("value", ["", "a", "1-", "-1", "3-1", "0-19,40", "1.5", -1, range(0), range(0, 9, 2), None])
def test_anything_else_is_no_span(value: object) -> None:
    with pytest.raises(ValueError, match="is no span such as 0-19 or 7"):
        as_span(value)  # type: ignore[arg-type]


@given(st.lists(st.integers(0, 30)))
def test_numbers_fall_into_the_longest_spans(numbers: list[int]) -> None:
    spans = list(spans_of(numbers))
    assert [number for span in spans for number in span] == sorted(set(numbers))
    assert all(one.stop < other.start for one, other in pairwise(spans))
