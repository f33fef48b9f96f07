"""Cases at toy sizes: both paths run, and the table has a row for each."""

from __future__ import annotations

import time
from typing import Any

import pytest

from benchmarks.case import Case
from benchmarks.cases import ALL, chosen
from benchmarks.cases.evaluation import Scoring, Training
from benchmarks.cases.matching import Step
from benchmarks.cases.parts import ClassBatchAugmentation, GaussianMMD, PatchDecoding
from benchmarks.cases.selection import Choice
from dcbench import RequestError
from dcbench.engine.work.runtime import Runtime


def step(**changes: Any) -> Step:
    sizes: dict[str, Any] = {"classes": 2, "side": 16, "per_class": 8, "ipc": 1, "batch_real": 4}
    return Step(name="step", what="", **{**sizes, **changes})


TOYS: list[Case] = [
    step(method="m3d"),
    step(method="dm"),
    GaussianMMD(name="mmd", what="", classes=2, synthetic=2, real=3, width=4),
    ClassBatchAugmentation(name="m3d", what="", method="m3d", classes=2, per_class=3, side=8),
    ClassBatchAugmentation(name="dm", what="", method="dm", classes=2, per_class=3, side=8),
    PatchDecoding(name="decode", what="", classes=2, ipc=1, factor=2, side=8),
    Choice(name="herding", what="", rule="herding", ipc=2, classes=2, per_class=4, width=3),
    Choice(name="k-center", what="", rule="k-center", ipc=2, classes=2, per_class=4, width=3),
    Training(name="train", what="", networks=2, images=10, epochs=1, side=8),
    Scoring(name="score", what="", images=20, side=8),
]


@pytest.mark.parametrize("case", TOYS, ids=lambda case: case.name)
def test_both_paths_run_again_and_again(case: Case) -> None:
    literal = case.literal(Runtime())
    assert literal is not None
    for call in (case.fast(Runtime()), literal):
        call()
        call()
    assert case.cost().bytes > 0


def test_a_step_counts_real_images_once_and_synthetic_ones_both_ways() -> None:
    one, two = (step(method="dm", batch_real=count).cost().flops for count in (1, 2))
    forward = two - one
    assert one == 3 * forward, "one real image, and one synthetic one forward and back"
    quartered = step(method="m3d", batch_real=1).cost().flops
    assert quartered == forward * (1 + 2 * 4), "an image of factor 2 is four"


def test_the_subset_bounds_the_synthetic_images() -> None:
    all_of_them, subset = (step(method="m3d", ipc=ipc, per_class=400).cost().flops for ipc in (50, 100))
    assert subset == all_of_them


def test_names_are_unique() -> None:
    assert len({case.name for case in ALL}) == len(ALL)


def test_a_cpu_leaves_out_what_would_take_too_long_unless_it_is_named() -> None:
    on_cpu, on_gpu = (chosen(quick=False, gpu=gpu, only=None) for gpu in (False, True))
    assert {case.name for case in on_gpu} - {case.name for case in on_cpu} >= {"m3d-224px-ipc10"}
    assert [case.name for case in chosen(quick=True, gpu=False, only=["m3d-224px-ipc10"])] == ["m3d-224px-ipc10"]


def test_quick_cases_have_names_of_their_own() -> None:
    quick, full = (chosen(quick=quick, gpu=True, only=None) for quick in (True, False))
    assert not {case.name for case in quick} & {case.name for case in full}


def test_a_wrong_name_is_told_with_the_right_ones() -> None:
    with pytest.raises(RequestError, match=r"no case is called m4d; there are: m3d-ipc1, "):
        chosen(quick=False, gpu=False, only=["m3d-ipc1", "m4d"])


def test_a_step_of_many_small_classes_is_faster_than_their_loop() -> None:
    """Measured as a ratio: best of rounds that alternate, so that what else the machine does hits both."""
    case = step(method="m3d", classes=40, side=8, batch_real=2)
    calls = fast, literal = [case.fast(Runtime()), case.literal(Runtime())]
    best = dict.fromkeys(calls, float("inf"))
    for call in [fast, literal] * 3:
        start = time.perf_counter()
        call()
        best[call] = min(best[call], time.perf_counter() - start)
    assert best[literal] > 1.5 * best[fast], f"{best[literal] / best[fast]:.1f} times as fast"
