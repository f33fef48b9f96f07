from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from dcbench.engine.ranges import Range, as_range, range_text, ranges_of

SPANS = st.builds(lambda first, more: range(first, first + more), st.integers(0, 200), st.integers(1, 50))


class Holder(BaseModel):
    numbers: Range


@given(SPANS)
def test_a_range_comes_back_from_its_text_and_from_json(numbers: range) -> None:
    assert as_range(range_text(numbers)) == as_range(numbers) == numbers
    assert Holder.model_validate_json(Holder(numbers=numbers).model_dump_json()).numbers == numbers


def test_both_ends_of_a_text_are_included() -> None:
    assert as_range("0-19") == range(20)
    assert as_range("7") == as_range(7) == range(7, 8)
    assert [range_text(numbers) for numbers in (range(20), range(7, 8))] == ["0-19", "7"]


@pytest.mark.parametrize("value", ["", "a", "1-", "-1", "3-1", "0-19,40", "1.5", -1, range(0), range(0, 9, 2), None])
def test_anything_else_is_no_span(value: object) -> None:
    with pytest.raises(ValueError, match="is not a range such as 0-19 or 7"):
        as_range(value)  # type: ignore[arg-type]


@given(st.lists(st.integers(0, 30)))
def test_numbers_fall_into_the_longest_spans(numbers: list[int]) -> None:
    found = list(ranges_of(numbers))
    assert [number for numbers in found for number in numbers] == sorted(set(numbers))
    assert all(one.stop < other.start for one, other in pairwise(found))
