from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from oracles import dm, m3d
from support.matching_setup import TinyNetwork, recorded, statistics, tiny_task
from torch import Tensor, nn

from dcbench.api.errors import CaptureFailedError
from dcbench.api.ran import recording
from dcbench.toolbox.augment import Augmentation
from dcbench.toolbox.matching import Matching, MatchingSettings, gaussian_mmd, linear_mmd, runner
from dcbench.toolbox.matching.runner import GPURunner

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.fakes import MemoryTask

DSA = {"augmentation": "dsa", "strategy": "color_crop_cutout_scale_rotate"}
DIFFAUG = {"augmentation": "diffaug", "strategy": "color_crop_cutout"}


def like_m3d(**changes: Any) -> MatchingSettings:
    common = {"iterations": 4, "lr": 20.0, "factor": 2, "iterations_per_model": 2, "batch_real": 4, "init": "mix"}
    return MatchingSettings(**{**common, **DIFFAUG, **changes})


def matching_of(task: MemoryTask, settings: MatchingSettings, *, pixel: bool = True) -> Matching:
    objective, space = (gaussian_mmd, "pixel") if pixel else (linear_mmd, "normalised")
    return Matching(task, settings, objective=objective, space=space, sequential=pixel, dtype=torch.float64)


def run_as_on_a_gpu(
    matching: Matching, task: MemoryTask, settings: MatchingSettings, *, compiled: bool = False, captured: bool = False
) -> Matching:
    """Do all steps with draws as tensors, as a GPU needs them, in float64 on the CPU."""
    augmentation = Augmentation(settings.augmentation, settings.strategy).without("flip")
    step = matching._run._step
    matching._run = GPURunner(step, task, augmentation, captured=captured, compiled=compiled)
    for _ in range(settings.iterations):
        matching.advance()
    return matching


class Replayed:
    """A stand-in for a captured step, whose inputs must lie in the tensors of the first call."""

    def __init__(self, step: Callable[[], None], device: torch.device) -> None:
        self.step, self.device = step, device

    def __call__(self) -> None:
        self.step()

    def reset(self) -> None:
        """There is no graph to drop."""


@pytest.fixture(params=[False, True], ids=["eager", "captured"])
def captured(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr("dcbench.toolbox.matching.runner.CapturedStep", Replayed)
    return request.param


def test_steps_on_draws_as_tensors_are_those_of_the_literal_m3d_loop(captured: bool) -> None:
    task, settings = tiny_task(3, 2), like_m3d(batch_syn_max=5)
    initial, draws = recorded(task, settings)
    mean, std = statistics(task.info)
    expected = m3d.condense(initial, draws, lr=20.0, momentum=0.5, factor=2, kernel="gaussian", mean=mean, std=std)
    matching = run_as_on_a_gpu(matching_of(task, settings), task, settings, captured=captured)
    torch.testing.assert_close(matching.learnable.images, expected, rtol=1e-9, atol=1e-10)


def test_steps_on_draws_as_tensors_are_those_of_the_literal_dm_loop(captured: bool) -> None:
    task, settings = tiny_task(4), MatchingSettings(iterations=5, lr=0.3, batch_real=7, **DSA)
    initial, draws = recorded(task, settings)
    mean, std = statistics(task.info)
    expected = dm.condense((initial - mean) / std, draws, lr=0.3, momentum=0.5, mean=mean, std=std)
    matching = run_as_on_a_gpu(matching_of(task, settings, pixel=False), task, settings, captured=captured)
    torch.testing.assert_close(matching.learnable.images, expected, rtol=1e-9, atol=1e-10)


def test_a_network_that_cannot_be_compiled_runs_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any, **__: Any) -> Any:
        def forward(images: Tensor) -> Tensor:
            raise RuntimeError(f"no compiler for {len(images)} images")

        return forward

    settings = like_m3d()
    monkeypatch.setattr(torch, "compile", failing)
    monkeypatch.setattr(runner, "missing_compiler", lambda: "")
    task = tiny_task()
    with recording() as ran, pytest.warns(UserWarning, match="cannot be compiled and runs as it is: no compiler for"):
        compiled = run_as_on_a_gpu(matching_of(task, settings), task, settings, compiled=True)
    assert not ran.compiled
    assert ran.fallbacks == ["the network cannot be compiled and runs as it is: no compiler for 12 images"]
    task = tiny_task()
    plain = run_as_on_a_gpu(matching_of(task, settings), task, settings)
    assert torch.equal(compiled.learnable.images, plain.learnable.images)


def test_where_there_is_no_compiler_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    settings, task = like_m3d(), tiny_task()
    monkeypatch.setattr(runner, "missing_compiler", lambda: "there is none")
    with recording() as ran, pytest.warns(UserWarning, match="^networks are not compiled: there is none$"):
        run_as_on_a_gpu(matching_of(task, settings), task, settings, compiled=True)
    assert (ran.compiled, ran.fallbacks) == (False, ["networks are not compiled: there is none"])


def test_a_network_that_was_compiled_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    settings, task = like_m3d(), tiny_task()
    monkeypatch.setattr(torch, "compile", lambda forward, **_: forward)
    monkeypatch.setattr(runner, "missing_compiler", lambda: "")
    with recording() as ran:
        run_as_on_a_gpu(matching_of(task, settings), task, settings, compiled=True)
    assert ran.facts() == {"capture": False, "compiled": True, "fallbacks": []}


def test_a_capture_that_fails_is_not_taken_for_a_compiler_that_does(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(Replayed):
        def __call__(self) -> None:
            raise CaptureFailedError("a step cannot be captured")

    settings, task = like_m3d(), tiny_task()
    monkeypatch.setattr(torch, "compile", lambda forward, **_: forward)
    monkeypatch.setattr(runner, "missing_compiler", lambda: "")
    monkeypatch.setattr(runner, "CapturedStep", Broken)
    with recording() as ran, pytest.raises(CaptureFailedError):
        run_as_on_a_gpu(matching_of(task, settings), task, settings, compiled=True, captured=True)
    assert ran.fallbacks == []


@pytest.mark.parametrize(
    ("device", "capture", "resident", "iterations", "path"),
    [
        ("cpu", True, True, 9999, "eager"),
        ("cuda", False, True, 9999, "eager"),
        ("cuda", True, False, 9999, "eager"),
        ("cuda", True, True, runner.WORTH_COMPILING - 1, "captured"),
        ("cuda", True, True, runner.WORTH_COMPILING, "compiled"),
    ],
)
def test_the_path_follows_from_settings_device_and_options(
    device: str, capture: bool, resident: bool, iterations: int, path: str
) -> None:
    task = tiny_task()
    task.device, task.capture = torch.device(device), capture
    assert runner.choose_path(task, iterations, resident=resident) == path


@pytest.mark.parametrize(
    ("chosen", "begun", "path"),
    [
        ("compiled", None, "compiled"),
        ("compiled", "eager", "eager"),
        ("compiled", "captured", "captured"),
        ("captured", "compiled", "compiled"),
        ("eager", "eager", "eager"),
        ("captured", 3, "captured"),
    ],
)
def test_a_resumed_run_takes_the_path_of_its_checkpoint(chosen: Any, begun: object, path: str) -> None:
    with recording() as ran:
        assert runner.resume_path(chosen, begun) == path
    assert ran.fallbacks == []


def test_a_resumed_run_that_cannot_take_the_path_of_its_checkpoint_says_so() -> None:
    with recording() as ran, pytest.warns(UserWarning, match="the run began with compiled steps"):
        assert runner.resume_path("eager", "compiled") == "eager"
    assert ran.fallbacks == [
        "the run began with compiled steps, which cannot be captured here; it goes on with eager ones"
    ]


class Hungry(TinyNetwork):
    """Has memory for `room` images at once; for eight times as many with a gradient, which come in chunks."""

    room = 4

    def embed(self, images: Tensor) -> Tensor:
        if len(images) > self.room * (8 if images.requires_grad else 1):
            raise torch.OutOfMemoryError("the device is full")
        return super().embed(images)


def hungry(room: int) -> nn.Module:
    network = Hungry()
    network.room = room
    return network


def test_a_step_that_runs_out_of_memory_is_repeated_with_smaller_chunks_and_gives_the_same() -> None:
    settings = like_m3d()
    task, plenty = tiny_task(network=lambda _: hungry(4)), tiny_task()
    matching, unbounded = matching_of(task, settings), matching_of(plenty, settings)
    for _ in range(settings.iterations):
        torch.testing.assert_close(matching.advance(), unbounded.advance())
    assert task.chunk == 4
    torch.testing.assert_close(matching.learnable.images, unbounded.learnable.images)


def test_a_step_for_which_there_is_no_room_at_all_says_so() -> None:
    matching = matching_of(tiny_task(network=lambda _: hungry(0)), like_m3d())
    with pytest.raises(torch.OutOfMemoryError, match="the device is full"):
        matching.advance()


def test_half_precision_is_for_convolutions_alone_and_changes_a_step_by_little() -> None:
    moved = []
    for precision in ("float32", "bf16"):
        task, settings = tiny_task(), like_m3d(lr=1.0)
        task.precision = precision
        matching = Matching(task, settings, objective=gaussian_mmd, space="pixel", sequential=True)
        start = matching.learnable.images.clone()
        loss = matching.advance(value=True)
        assert loss.dtype == matching.learnable.images.dtype == torch.float32
        moved.append(matching.learnable.images - start)
    difference = (moved[0] - moved[1]).norm() / moved[0].norm()
    assert 0 < difference < 0.05
