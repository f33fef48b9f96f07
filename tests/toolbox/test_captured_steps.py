"""Every step that a GPU captures, captured by the test double on the CPU: replays give the bits of eager steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from support.fakes import info_of, made_up_set
from support.matching_setup import MATCHED, TinyClassifier, tiny_task
from support.recorded_capture import RecordedCapture
from support.training_setup import RECIPES, data, network_of, seeded
from torch import Tensor, nn

from dcbench.api.errors import CaptureFailedError
from dcbench.toolbox.devices import CapturedStep
from dcbench.toolbox.matching import Matching, linear_mmd
from dcbench.toolbox.matching.runner import GPURunner
from dcbench.toolbox.training.ensemble import Ensemble
from dcbench_plugins.protocols import DC, DSA, IDC, M3D, IDCImageNet

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcbench import TrainingRecipe
    from dcbench.toolbox.matching.sampling import StepTensorDraw

INFO = info_of(made_up_set(seed=0, channels=3), mirror_ok=True)
SHORTENED = {"epochs": 4, "batch_size": 3, "milestones": (2,), "lr": 0.1}
TRAINED = {
    protocol.__name__: protocol().recipe(INFO, 1, 1).changed(SHORTENED) for protocol in (DC, DSA, IDC, IDCImageNet, M3D)
}


@pytest.fixture
def capture(monkeypatch: pytest.MonkeyPatch) -> RecordedCapture:
    return RecordedCapture(monkeypatch)


def learnt(name: str, *, captured: bool, runner: type[GPURunner] = GPURunner, **changed: Any) -> Tensor:
    """Return the images after all steps of the method *name*, run as on a GPU."""
    settings, how = MATCHED[name]
    task = tiny_task(network=lambda _: TinyClassifier())
    task.capture = captured
    matching = Matching(task, settings, **(how | changed))
    step = matching._run._step
    signal: Any = step.signal
    matching._run = runner(step, task, signal._augmentation, captured=captured, compiled=False)
    for number in range(settings.iterations):
        matching.advance(value=number in (0, 7))
    return matching.learnable.images


@pytest.mark.parametrize("name", MATCHED)
def test_replayed_matching_steps_give_the_bits_of_eager_ones(name: str, capture: RecordedCapture) -> None:
    expected = learnt(name, captured=False)
    assert torch.equal(learnt(name, captured=True), expected)
    steps = MATCHED[name][0].iterations - 2 - CapturedStep.EAGER  # those whose loss is wanted are never captured
    trained = 3 * 2 * (MATCHED[name][0].iterations - 1) - CapturedStep.EAGER if name == "idm" else 0
    assert capture.replays == steps + trained
    assert len(capture.recordings) == (2 if name == "idm" else 1)
    assert all(len(recording.calls) > 20 for recording in capture.recordings)


def trained(recipe: TrainingRecipe, *, captured: bool, batch_norm: bool = False) -> list[Tensor]:
    """Return weights and statistics of three networks after all epochs."""
    networks: list[nn.Module] = [network_of(number, batch_norm=batch_norm).float() for number in range(3)]
    images, labels = data()
    ensemble = Ensemble(networks, images.float(), labels, recipe, [seeded(number) for number in range(3)])
    ensemble.run(ensemble.captured() if captured else ensemble.one_by_one, lambda _: None)
    return [tensor for network in networks for tensor in network.state_dict().values()]


@pytest.mark.parametrize("batch_norm", [False, True], ids=["plain", "batch norm"])
@pytest.mark.parametrize("recipe", [*TRAINED.values(), *RECIPES.values()], ids=[*TRAINED, *RECIPES])
def test_replayed_training_steps_give_the_bits_of_eager_ones(
    recipe: TrainingRecipe, batch_norm: bool, capture: RecordedCapture
) -> None:
    if batch_norm:
        recipe = recipe.changed({"batch_size": 4})  # a last batch of one image has no variance
    expected = trained(recipe, captured=False, batch_norm=batch_norm)
    found = trained(recipe, captured=True, batch_norm=batch_norm)
    assert all(map(torch.equal, found, expected))
    sizes = -(-7 // recipe.batch_size)
    assert capture.replays == recipe.epochs * sizes


Objective = Callable[..., Tensor] if TYPE_CHECKING else Any


def reads_a_value(synthetic: Tensor, real: Tensor, *, value: bool) -> Tensor:
    return linear_mmd(synthetic, real, value=value) * (1 + 0 * real.sum().item())


def reads_a_list(synthetic: Tensor, real: Tensor, *, value: bool) -> Tensor:
    return linear_mmd(synthetic, real, value=value) * (1 + 0 * real.sum().tolist())


def branches(synthetic: Tensor, real: Tensor, *, value: bool) -> Tensor:
    return linear_mmd(synthetic, real, value=value) if real.sum() > -1e9 else linear_mmd(real, synthetic, value=value)


def counts(synthetic: Tensor, real: Tensor, *, value: bool) -> Tensor:
    return linear_mmd(synthetic, real, value=value) * len((real > 0).nonzero())


def masks(synthetic: Tensor, real: Tensor, *, value: bool) -> Tensor:
    return linear_mmd(synthetic, real, value=value) * real[real > 0].sum()


def draws(synthetic: Tensor, real: Tensor, *, value: bool) -> Tensor:
    return linear_mmd(synthetic, real + torch.randn_like(real), value=value)


def sends(synthetic: Tensor, real: Tensor, *, value: bool) -> Tensor:
    return linear_mmd(synthetic, real, value=value) * torch.tensor(2.0)


class Counted:
    """Has a number that changes from step to step: as a number of Python, as a tensor, or as a new tensor each time."""

    def __init__(self, start: float | Tensor, *, in_place: bool) -> None:
        self.number, self.in_place = start, in_place

    def __call__(self, synthetic: Tensor, real: Tensor, *, value: bool) -> Tensor:
        if self.in_place:
            self.number *= 1.5
        loss = linear_mmd(synthetic, real, value=value) * self.number
        if not self.in_place:
            self.number = self.number * 1.5
        return loss


REFUSED: dict[str, tuple[Any, str]] = {
    "a value read": (lambda: reads_a_value, "the host reads a value, by aten._local_scalar_dense"),
    "a list read": (lambda: reads_a_list, "the host reads a value, by tolist"),
    "a boolean of a tensor": (lambda: branches, "the host reads a value"),
    "a size that depends on data": (lambda: counts, "a size depends on data, by aten.nonzero"),
    "a mask": (lambda: masks, "a size depends on data, by aten.index"),
    "a fresh draw": (lambda: draws, "fresh random numbers are drawn, by aten.randn_like"),
    "a number sent": (lambda: sends, "data come from the host"),
    "a number of Python": (lambda: Counted(1.0, in_place=False), r"gets the number \d\.\d+ in one step and \d\.\d+"),
    "a tensor replaced": (lambda: Counted(torch.ones(()), in_place=False), "was replaced, not updated in place"),
}


@pytest.mark.parametrize(("objective", "found"), REFUSED.values(), ids=REFUSED)
@pytest.mark.usefixtures("capture")
def test_a_planted_fault_is_found(objective: Callable[[], Objective], found: str) -> None:
    with pytest.raises(CaptureFailedError, match=found):
        learnt("dm", captured=True, objective=objective())


class GivesNewStorage(GPURunner):
    """Has the fault that the input of a step is another tensor each time."""

    def _run(self, network: nn.Module, tensors: StepTensorDraw, *, value: bool) -> Tensor:
        self._inputs = None
        return super()._run(network, tensors, value=value)


@pytest.mark.usefixtures("capture")
def test_an_input_in_a_new_storage_is_found() -> None:
    with pytest.raises(CaptureFailedError, match="reads lies in a new storage in the next step"):
        learnt("dm", captured=True, runner=GivesNewStorage)


def test_a_tensor_that_is_updated_in_place_is_no_fault(capture: RecordedCapture) -> None:
    expected = learnt("dm", captured=False, objective=Counted(torch.ones(()), in_place=True))
    found = learnt("dm", captured=True, objective=Counted(torch.ones(()), in_place=True))
    assert torch.equal(found, expected)
    assert capture.replays


class ChangesLate:
    """Has a number of Python that changes for the first time after the capture: only the bits can show it."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, synthetic: Tensor, real: Tensor, *, value: bool) -> Tensor:
        self.calls += 1
        return linear_mmd(synthetic, real, value=value) * (1 + self.calls // 8)


@pytest.mark.usefixtures("capture")
def test_what_changes_after_the_capture_shows_in_the_bits() -> None:
    assert not torch.equal(
        learnt("dm", captured=True, objective=ChangesLate()), learnt("dm", captured=False, objective=ChangesLate())
    )
