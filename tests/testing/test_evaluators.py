from __future__ import annotations

import pytest
from broken_plugins.evaluators import BROKEN

from dcbench.testing import evaluators

BREAKERS = [(name, breaker.__name__.lower()) for name, breakers in BROKEN.items() for breaker in breakers]
SAYS = {
    "otherfigure": "tables show 'darkness'; it gives only brightness",
    "slashed": "'brightness/top' is not a name for a metric",
    "onevalue": "'brightness' has 1 values for 2 seeds",
    "toomuch": "unit = 'percent' means 0 to 100",
    "overwrites": "the training images",
}


def test_a_good_evaluator_passes_every_check(ask):
    assert ask("evaluator", "brightness") == ({}, {})


@pytest.mark.parametrize(("check", "name"), BREAKERS)
def test_an_evaluator_that_breaks_one_promise_fails_that_check_alone(ask, check, name):
    failed, _ = ask("evaluator", name)
    assert list(failed) == [check]
    assert SAYS.get(name, "") in failed[check]


def test_every_check_of_its_own_has_an_evaluator_that_fails_it():
    shared = {"loads", *(promise.name for promise in evaluators.common.PROMISES)}
    assert {promise.name for promise in evaluators.PROMISES} - shared == set(BROKEN)


def test_draws_from_global_generators_are_found(ask):
    assert "same-seeds-same-metrics" in ask("evaluator", "globaldraws")[0]


@pytest.mark.parametrize("name", ["accuracy", "moments"])
def test_built_in_evaluators_keep_the_contract(ask, name):
    assert ask("evaluator", name) == ({}, {})
