from __future__ import annotations

from typing import Any

import pytest
import torch
from support.fakes import MemoryTask, info_of, made_up_set
from torch import Tensor, nn

from dcbench import DcbenchError
from dcbench.toolbox.selection import FeatureSettings, class_features, feature_network, image_features, recommended

TRAIN = made_up_set(classes=3, per_class=10)
INFO = info_of(TRAIN)
FAST = FeatureSettings(network="tiny", epochs=3, batch_size=8, lr=0.05)


class Tiny(nn.Module):
    """A linear network whose dropout and batch norm show whether it is in eval mode."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Flatten(), nn.Linear(64, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.5))
        self.head = nn.Linear(6, 3)

    def embed(self, images: Tensor) -> Tensor:
        features: Tensor = self.features(images)
        return features

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.embed(images))
        return logits


def task(**changes: Any) -> MemoryTask:
    made = MemoryTask(TRAIN, INFO, network=lambda _: Tiny())
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_recipe_has_no_augmentation_and_drops_the_rate_within_the_training() -> None:
    recipe = FeatureSettings(epochs=30, lr=0.02).recipe(INFO)
    assert recipe is not None
    assert (recipe.epochs, recipe.lr, recipe.milestones, recipe.gamma) == (30, 0.02, (20, 25), 0.2)
    assert (recipe.augmentation, recipe.cutmix, recipe.best_of) == ("none", 0, ())
    assert (recipe.mean, recipe.std) == (INFO.mean, INFO.std)


def test_features_can_come_from_a_network_that_was_trained_as_dc_trains_on_mnist() -> None:
    plain, augmented = FeatureSettings(), FeatureSettings(augmentation="dc")
    recipe = augmented.recipe(INFO)
    assert recipe is not None
    assert (recipe.augmentation, recipe.strategy) == ("dc", "crop_scale_rotate")
    assert plain.digest_form() == {"network": "convnet3", "epochs": 15, "batch_size": 64, "lr": 0.03}, "as before"


def test_augmentation_makes_another_feature_network() -> None:
    made = task()
    spaces = [feature_network(made, FAST.changed({"augmentation": name})).state_dict() for name in ("none", "dc")]
    assert len(made.artifacts) == 2
    assert any(not torch.equal(spaces[0][name], tensor) for name, tensor in spaces[1].items())


@pytest.mark.parametrize(("epochs", "milestones"), [(1, ()), (2, (1,)), (3, (2,)), (6, (4, 5))])
def test_short_trainings_have_sound_milestones(epochs: int, milestones: tuple[int, ...]) -> None:
    recipe = FeatureSettings(epochs=epochs).recipe(INFO)
    assert recipe is not None
    assert recipe.milestones == milestones


def test_a_network_of_no_epochs_stays_as_it_was_drawn() -> None:
    made, untrained = task(), FeatureSettings(network="tiny", epochs=0)
    network = feature_network(made, untrained)
    (weights,) = made.artifacts.values()
    drawn = made.network("tiny", 11).state_dict()
    assert untrained.recipe(INFO) is None
    assert not network.training
    assert all(torch.equal(weights[name], tensor) for name, tensor in drawn.items())


@pytest.mark.parametrize(
    ("shape", "count", "epochs", "network"),
    [
        ((1, 8, 8), 1438, 15, "convnet-tiny"),
        ((1, 28, 28), 60000, 2, "convnet3"),
        ((3, 32, 32), 50000, 7, "convnet3"),
        ((3, 64, 64), 100000, 2, "convnet3"),
        ((3, 224, 224), 12000, 15, "resnetap10"),
    ],
)
def test_recommended_settings(shape: tuple[int, int, int], count: int, epochs: int, network: str) -> None:
    settings = recommended(info_of(TRAIN, shape=shape, train_counts=(count,)))
    assert (settings.epochs, settings.network) == (epochs, network)


def test_embedding_is_that_of_the_normalised_pixels_and_does_not_depend_on_the_chunk() -> None:
    network = Tiny().eval()
    indices = torch.tensor([5, 0, 29, 7, 7])
    pixels = TRAIN.images[indices].double() / 255
    expected = network.double().embed((pixels - INFO.mean[0]) / INFO.std[0])
    network.float()
    for chunk in (1, 2, 5, 100):
        features = image_features(network, task(chunk=chunk), indices)
        assert features.dtype == torch.float32
        assert not features.requires_grad
        torch.testing.assert_close(features.double(), expected.detach(), rtol=1e-5, atol=1e-6)


class Hungry(Tiny):
    """Has memory for two images at once."""

    def embed(self, images: Tensor) -> Tensor:
        if len(images) > 2:
            raise torch.OutOfMemoryError("the device is full")
        return super().embed(images)


def test_an_embedding_that_runs_out_of_memory_is_made_in_smaller_chunks_from_then_on() -> None:
    network, made, indices = Hungry().eval(), task(chunk=10), torch.arange(7)
    features = image_features(network, made, indices)
    assert made.chunk == 2
    torch.testing.assert_close(features, image_features(network, task(chunk=1), indices))


@pytest.mark.parametrize("labels", [range(3), range(1, 2)])
def test_features_come_class_by_class_and_are_those_of_the_trained_network_in_eval_mode(labels: range) -> None:
    made = task(classes=labels)
    network = feature_network(made, FAST)
    assert not network.training
    for features, label in zip(class_features(made, FAST), labels, strict=True):
        torch.testing.assert_close(features, image_features(network, made, TRAIN.class_index[label]))


def test_a_network_that_went_astray_is_named_with_the_class_and_what_to_change() -> None:
    made = task()
    feature_network(made, FAST)
    (weights,) = made.artifacts.values()
    weights["features.2.bias"][0] = torch.nan
    with pytest.raises(DcbenchError, match=r"features of class 0 are not all numbers.*tiny.*lr than 0\.05"):
        next(class_features(made, FAST))


def test_the_feature_network_has_learnt_the_training_set() -> None:
    made = task()
    network = feature_network(made, FeatureSettings(network="tiny", epochs=20, batch_size=8, lr=0.05))
    with torch.no_grad():
        pixels = (TRAIN.pixels(torch.arange(30)) - INFO.mean[0]) / INFO.std[0]
        assert (network(pixels).argmax(1) == TRAIN.labels).float().mean() > 0.9


def test_training_leaves_all_generators_alone_and_is_repeatable() -> None:
    first, second = task(), task()
    before, around = first.generator.get_state(), torch.get_rng_state()
    weights = feature_network(first, FAST).state_dict()
    assert torch.equal(first.generator.get_state(), before)
    assert torch.equal(torch.get_rng_state(), around)
    torch.rand(1)
    again = feature_network(second, FAST).state_dict()
    assert all(torch.equal(weights[name], again[name]) for name in weights)


def test_one_artifact_per_replicate_whatever_the_ipc_and_the_seed_of_the_cell() -> None:
    made = task()
    for changes in ({}, {"ipc": 5}, {"seed": 99}, {"device": torch.device("cpu"), "chunk": 3}):
        for name, value in changes.items():
            setattr(made, name, value)
        feature_network(made, FAST)
    assert len(made.artifacts) == 1
    made.replicate = 1
    feature_network(made, FAST)
    assert len(made.artifacts) == 2


@pytest.mark.parametrize("change", [{"network": "other"}, {"epochs": 1}, {"batch_size": 4}, {"lr": 0.01}])
def test_every_setting_names_another_artifact(change: dict[str, Any]) -> None:
    made = task()
    feature_network(made, FAST)
    feature_network(made, FAST.changed(change))
    assert len(made.artifacts) == 2


def test_progress_counts_epochs_then_classes_and_only_classes_once_trained() -> None:
    made = task()
    list(class_features(made, FAST))
    assert [report[:2] for report in made.reports] == [(step, 6) for step in range(1, 7)]
    made.reports.clear()
    list(class_features(made, FAST))
    assert [report[:2] for report in made.reports] == [(4, 6), (5, 6), (6, 6)]


def test_progress_counts_only_the_classes_of_the_task() -> None:
    made = task(classes=range(1, 3))
    list(class_features(made, FAST))
    assert [report[:2] for report in made.reports] == [(step, 5) for step in range(1, 6)]
