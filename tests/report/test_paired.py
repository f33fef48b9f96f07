from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import paired as oracle

from dcbench.report.paired import holm, sign_flip_p

# A coarse test set gives few different accuracies, and many ties.
STEPS = st.lists(st.integers(-6, 6), min_size=2, max_size=9)
P_VALUES = st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=8)


@given(STEPS)
def test_p_is_the_share_of_all_sign_patterns(steps: list[int]) -> None:
    exact = oracle.sign_flip_p([Fraction(step, 36) for step in steps])
    assert sign_flip_p([step / 36 for step in steps]) == pytest.approx(float(exact))


@given(STEPS)
def test_p_does_not_depend_on_which_folder_comes_first_or_on_the_unit(steps: list[int]) -> None:
    assert sign_flip_p([-step for step in steps]) == sign_flip_p([0.01 * step for step in steps]) == sign_flip_p(steps)


def test_equal_differences_are_as_rare_as_their_signs() -> None:
    assert sign_flip_p([0.1, 0.1]) == 0.5
    assert sign_flip_p([0.1] * 5) == 2 / 2**5
    assert sign_flip_p([0.1] * 25) == 2 / 2**25


def test_pairs_without_a_difference_change_nothing() -> None:
    assert sign_flip_p([0.1] * 4 + [0.0] * 40) == 2 / 2**4


def test_no_difference_is_no_evidence() -> None:
    assert sign_flip_p([0.0, 0.0, 0.0]) == 1.0
    assert sign_flip_p([1.0, -1.0]) == 1.0


@pytest.mark.parametrize("differences", [[], [3.0]])
def test_fewer_than_two_pairs_have_no_p(differences: list[float]) -> None:
    assert sign_flip_p(differences) is None


def test_the_normal_limit_meets_the_exact_test() -> None:
    values = [math.sin(7 * number) + 0.3 for number in range(40)]
    exact, limit = sign_flip_p(values[:30]), sign_flip_p(values[:31])
    assert exact == pytest.approx(limit, abs=0.05)


@given(P_VALUES, st.sampled_from([0.01, 0.05, 0.2]))
def test_a_corrected_value_is_below_a_level_where_holm_rejects(p_values: list[float], level: float) -> None:
    corrected = holm(p_values)
    for rejected, value in zip(oracle.holm_rejects(p_values, level), corrected, strict=True):
        assert rejected == (value <= level) or math.isclose(value, level)


@given(P_VALUES)
def test_corrected_values_are_no_smaller_and_in_the_same_order(p_values: list[float]) -> None:
    pairs = sorted(zip(p_values, holm(p_values), strict=True))
    assert all(before <= after <= 1 for before, after in pairs)
    assert all(first[1] <= second[1] for first, second in pairwise(pairs))


def test_rows_without_a_test_do_not_count() -> None:
    assert holm([None, 0.02, None, 0.5]) == [None, 0.04, None, 0.5]
    assert holm([]) == []
