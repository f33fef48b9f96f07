from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from support.fakes import info_of, made_up_set
from torch import Tensor, nn

from dcbench import CondensedSet, Context, ImageSet, RequestError, TrainingRecipe, derive_seed
from dcbench.toolbox import training
from dcbench_plugins import evaluators
from dcbench_plugins.evaluators.accuracy import Accuracy, training_images
from dcbench_plugins.evaluators.moments import Moments

TRAIN, TEST = made_up_set(seed=0), made_up_set(per_class=5, seed=1)


class FakeContext(Context):
    def __init__(self, recipe: TrainingRecipe | None, seeds: tuple[int, ...] = (3, 4)) -> None:
        self.info, self.ipc, self.device = info_of(TRAIN), 2, torch.device("cpu")
        self.seeds, self.recipe, self.chunk = seeds, recipe, 4
        self.asked: list[tuple[str, int]] = []
        self.reports: list[tuple[int, int, dict[str, float]]] = []

    def network(self, name: str, seed: int) -> nn.Module:
        self.asked.append((name, seed))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return nn.Sequential(nn.Flatten(), nn.Linear(64, 3))

    def artifact(self, key: Any, build: Any) -> Any:
        raise AssertionError("nothing is shared by networks that are trained on one condensed set")

    def progress(self, step: int, total: int, **metrics: float) -> None:
        self.reports.append((step, total, metrics))


def recipe_of(**changes: Any) -> TrainingRecipe:
    values: dict[str, Any] = {
        "epochs": 6,
        "batch_size": 4,
        "lr": 0.05,
        "mean": info_of(TRAIN).mean,
        "std": info_of(TRAIN).std,
        "augmentation": "diffaug",
        "strategy": "crop_scale",
        "cutmix": 0.5,
    }
    return TrainingRecipe(**{**values, **changes})


@pytest.fixture
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    """How many threads torch has during the test: the parameter, 2 without one."""
    before, number = torch.get_num_threads(), int(getattr(request, "param", 2))
    torch.set_num_threads(number)
    yield number
    torch.set_num_threads(before)


def selection(per_class: int = 2) -> CondensedSet:
    return CondensedSet.selection(torch.cat([index[:per_class] for index in TRAIN.class_index]), TRAIN)


def evaluate(condensed: CondensedSet, context: Context, test: ImageSet = TEST) -> dict[str, tuple[float, ...]]:
    evaluation = Accuracy().evaluate(condensed, TRAIN, test, context, Accuracy.Settings(network="convnet3[width=8]"))
    return dict(evaluation.metrics)


def by_hand(condensed: CondensedSet, recipe: TrainingRecipe, seed: int) -> float:
    network = FakeContext(recipe).network("", seed)
    images, labels = condensed.decode(TRAIN)
    generator = torch.Generator().manual_seed(derive_seed(purpose="training", seed=seed))
    training.train(network, images, labels, recipe, generator=generator)
    return training.accuracy(network, TEST.images, TEST.labels, recipe.mean, recipe.std, 100)


def test_the_records_load_without_torch() -> None:
    targets = {record.name: record.target for record in evaluators.dcbench_evaluators()}
    assert targets == {
        "accuracy": f"{Accuracy.__module__}:Accuracy",
        "moments": f"{Moments.__module__}:Moments",
    }
    code = "import sys, dcbench_plugins.evaluators as e; e.dcbench_evaluators(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_one_value_per_seed_that_depends_on_the_seed_alone() -> None:
    recipe = recipe_of(epochs=3)
    context = FakeContext(recipe, seeds=(3, 4, 3))
    metrics = evaluate(selection(), context)
    assert context.asked == [("convnet3[width=8]", seed) for seed in (3, 4, 3)]
    assert metrics["accuracy"] == tuple(pytest.approx(by_hand(selection(), recipe, seed)) for seed in (3, 4, 3))
    assert metrics == evaluate(selection(), FakeContext(recipe, seeds=(3, 4, 3)))


def test_images_of_its_own_making_are_decoded() -> None:
    recipe = recipe_of(epochs=3)
    stored = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(2))
    condensed = CondensedSet.of_images(stored, torch.arange(6) % 3, factor=2)
    assert len(training_images(condensed, TRAIN)[0]) == 24
    assert evaluate(condensed, FakeContext(recipe))["accuracy"][0] == pytest.approx(by_hand(condensed, recipe, 3))


def test_a_selection_stays_in_bytes_with_the_labels_of_the_set() -> None:
    soft = torch.full((6, 3), 1 / 3)
    chosen = selection()
    images, labels = training_images(CondensedSet(soft, None, chosen.source_indices), TRAIN)
    assert images.dtype == torch.uint8
    assert labels is soft
    pixels: Tensor = images.float() / 255
    torch.testing.assert_close(pixels, chosen.decode(TRAIN)[0])


def test_the_best_epoch_is_the_best_of_those_named_and_the_last() -> None:
    # A rate so high that accuracy goes up and down.
    recipe = recipe_of(lr=0.5)
    curve = [by_hand(selection(), recipe.changed({"epochs": epoch}), 4) for epoch in range(1, 7)]
    assert max(curve) > curve[1] > curve[-1]
    for named, best in (((1, 2, 3, 4, 5, 6), max(curve)), ((2,), curve[1]), ((), curve[-1])):
        metrics = evaluate(selection(), FakeContext(recipe.changed({"best_of": named}), seeds=(4,)))
        assert metrics["accuracy"][0] == pytest.approx(curve[-1])
        assert metrics["accuracy_best_epoch"][0] == pytest.approx(best)


def test_an_epoch_beyond_the_last_is_never_looked_at() -> None:
    metrics = evaluate(selection(), FakeContext(recipe_of(epochs=1, best_of=(500, 1000))))
    assert metrics["accuracy"] == metrics["accuracy_best_epoch"]


@pytest.mark.parametrize("threads", [1, 2], indirect=True)
def test_progress_counts_the_epochs_of_all_repeats_and_tells_the_last_accuracy(threads: int) -> None:
    context = FakeContext(recipe_of(epochs=3, best_of=(2,)))
    metrics = evaluate(selection(), context)
    assert [(step, total) for step, total, _ in context.reports] == [(step, 6) for step in range(1, 7)]
    assert context.reports[0][2] == {}
    assert all(set(report) == {"accuracy"} for _, _, report in context.reports[threads:])
    assert context.reports[-1][2]["accuracy"] in metrics["accuracy"]


def test_the_figures_do_not_depend_on_the_number_of_threads(threads: int) -> None:
    torch.set_num_threads(1)
    recipe = recipe_of(epochs=3)
    alone = tuple(by_hand(selection(), recipe, seed) for seed in (3, 4, 5))
    for number in (1, 2, 3):
        torch.set_num_threads(number)
        assert evaluate(selection(), FakeContext(recipe, seeds=(3, 4, 5)))["accuracy"] == alone


def test_learning_works() -> None:
    condensed = selection(per_class=8)
    assert min(evaluate(condensed, FakeContext(recipe_of(epochs=30, cutmix=0)))["accuracy"]) > 90


def test_without_a_recipe_the_request_is_refused() -> None:
    with pytest.raises(RequestError, match="--protocol"):
        evaluate(selection(), FakeContext(None))


def test_the_settings_have_the_fields_that_the_command_line_fills() -> None:
    settings = Accuracy.Settings()
    assert (settings.protocol, settings.network) == ("m3d", "convnet3")
