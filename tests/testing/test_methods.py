from __future__ import annotations

import pytest
from broken_plugins.methods import BROKEN

from dcbench.testing import methods

BREAKERS = [(name, breaker.__name__.lower()) for name, breakers in BROKEN.items() for breaker in breakers]
SAYS = {
    "overbudget": "the set holds 768 numbers, 12 images with their soft labels; IPC 2 allows 384",
    "normalised": "map them back with mean and std",
    "notanumber": "1 of 384 pixels are NaN or infinite",
    "seedignored": "two seeds give the same bits",
    "startsagain": "never calls task.resume()",
    "ignoresstate": "it offers 12 checkpoints after task.resume(), and 12 in a run without a break",
    "raises": "it raises ValueError: no idea how",
    "leaves": "it calls sys.exit(3)",
    "pickles": "it calls pickle.dumps, ",
    "changesdtype": "it changes torch's default dtype",
    "changesenvironment": "it changes the environment",
    "undocumented": "no description: width",
    "neverdone": "the last report is step 11 of 12",
    "liststate": "'history' in a checkpoint is [7]; there are tensors, texts, and numbers",
    "untypable": "--set NAME.channels=3 is refused",
}


def test_a_good_method_passes_every_check(ask):
    assert ask("method", "noise") == ({}, {})


@pytest.mark.parametrize("name", ["noise", "offersfirst"])
@pytest.mark.parametrize("checkpoints", [1, 2, 3])
def test_a_method_with_few_checkpoints_is_not_taken_for_one_that_starts_again(ask, name, checkpoints):
    assert ask("method", f"{name}[iterations={checkpoints}]") == ({}, {})


@pytest.mark.parametrize("checkpoints", [2, 3])
def test_a_method_that_starts_again_is_found_by_few_checkpoints(ask, checkpoints):
    failed, _ = ask("method", f"ignoresstate[iterations={checkpoints}]")
    assert list(failed) == ["resumes-to-the-same-bits"]


@pytest.mark.parametrize(("check", "name"), BREAKERS)
def test_a_method_that_breaks_one_promise_fails_that_check_alone(ask, check, name):
    failed, _ = ask("method", name)
    assert list(failed) == [check]
    assert SAYS.get(name, "") in failed[check]


def test_every_check_has_a_method_that_fails_it():
    assert {promise.name for promise in methods.PROMISES} - {"loads"} == set(BROKEN)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nowhere", "cannot be loaded from broken_plugins.methods:Nowhere"),
        ("unimportable", "No module named 'broken_plugins.nowhere'"),
        ("other-kind", "not a class that derives from dcbench.Method"),
        ("abstract", "Method does not define condense"),
        ("nois", "did you mean 'noise'?"),
    ],
)
def test_what_is_no_method_fails_to_load_and_nothing_else(ask, name, says):
    failed, skipped = ask("method", name)
    assert list(failed) == ["loads"]
    assert says in failed["loads"]
    assert len(skipped) == len(methods.PROMISES) - 1


def test_draws_from_global_generators_are_found(ask):
    failed, _ = ask("method", "globaldraws")
    assert "same-seed-same-bits" in failed
    assert "it changes torch's global generator" in failed["leaves-the-process-alone"]


def test_what_a_method_refuses_while_planning_is_skipped(ask):
    failed, skipped = ask("method", "imported")
    assert failed == {}
    assert "it refuses" in skipped["condenses"]
    assert skipped["budget"] == "needs labels"


def test_settings_in_the_name_are_used(ask):
    failed, _ = ask("method", "noise[iterations=1]")
    assert failed == {}
    failed, _ = ask("method", "noise[iteration=1]")
    assert "did you mean 'iterations'?" in failed["condenses"]


@pytest.mark.parametrize("name", ["random", "whole", "herding", "m3d"])
def test_built_in_methods_keep_the_contract(ask, name):
    assert ask("method", name)[0] == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["k-center", "dm", "idm"])
def test_the_other_built_in_methods_keep_it_too(ask, name):
    assert ask("method", name)[0] == {}
