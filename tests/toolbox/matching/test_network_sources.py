from __future__ import annotations

from typing import Any

import pytest
import torch
from oracles import idm
from support.fakes import MemoryTask, info_of, made_up_set
from support.matching_setup import TinyClassifier, TinyNetwork, recorded_queue, statistics, tiny_task
from torch import Tensor, nn

from dcbench import RequestError
from dcbench.toolbox.augment import Augmentation
from dcbench.toolbox.matching import Matching, QueueSettings, linear_mmd
from dcbench.toolbox.matching.network_sources import NetworkQueue, RandomNetworks, load_weights_
from dcbench.toolbox.matching.runner import GPURunner
from dcbench.toolbox.matching.sampling import RealImages
from dcbench.toolbox.networks import ResNet
from dcbench.toolbox.pixels import Normaliser


def networks(steps: int = 2) -> RandomNetworks:
    train = made_up_set()
    task = MemoryTask(train, info_of(train), network=lambda _: nn.Conv2d(1, 3, 3))
    return RandomNetworks(task, "any", steps=steps, dtype=torch.float64)


def test_a_network_lasts_for_its_steps_and_the_next_one_is_loaded_into_its_tensors() -> None:
    given = networks(steps=2)
    first = given.at(0)
    weights = first.weight.clone()
    assert given.at(1) is first
    assert torch.equal(given.at(1).weight, weights)
    address = first.weight.data_ptr()
    assert given.at(2) is first
    assert first.weight.data_ptr() == address
    assert not torch.equal(first.weight, weights)


def test_a_run_that_starts_later_gets_the_networks_of_its_steps() -> None:
    whole = [networks_of.weight.clone() for given in [networks(2)] for networks_of in map(given.at, range(6))]
    assert torch.equal(networks(2).at(4).weight, whole[5])
    assert not torch.equal(whole[1], whole[2])


def test_networks_are_frozen_and_in_train_mode() -> None:
    network = networks().at(0)
    assert network.training
    assert not any(weight.requires_grad for weight in network.parameters())
    assert network.weight.dtype == torch.float64


def test_all_weights_are_loaded_running_statistics_too() -> None:
    torch.manual_seed(0)
    old, new = (ResNet((3, 16, 16), 4, width=4, norm="batch") for _ in range(2))
    old(torch.randn(5, 3, 16, 16))
    expected = {name: tensor.clone() for name, tensor in new.state_dict().items()}
    load_weights_(old, new)
    for name, tensor in old.state_dict().items():
        assert torch.equal(tensor, expected[name]), name


IDM: dict[str, Any] = {"objective": linear_mmd, "space": "normalised", "sequential": True}


def like_idm(**changes: Any) -> QueueSettings:
    values = {
        "iterations": 9,
        "lr": 0.3,
        "iterations_per_model": 2,
        "batch_real": 5,
        "augmentation": "dsa",
        "strategy": "color_crop_cutout_scale_rotate",
        "queue_size": 5,
        "train_steps": 3,
        "train_batch": 8,
        "train_lr": 0.1,
        "accuracy_window": 4,
        "ce_weight": 0.01,
    }
    return QueueSettings(**{**values, **changes})


def task_of(*, batch_norm: bool = False, **changes: Any) -> MemoryTask:
    task = tiny_task(network=lambda _: TinyClassifier(batch_norm=batch_norm))
    for name, value in changes.items():
        setattr(task, name, value)
    return task


def matching_of(settings: QueueSettings, task: MemoryTask | None = None) -> Matching:
    return Matching(task or task_of(), settings, **IDM, dtype=torch.float64)


def literal(settings: QueueSettings, *, batch_norm: bool = False) -> tuple[Tensor, Tensor]:
    """Return normalised images before and after a literal run."""
    task = task_of(batch_norm=batch_norm)
    initial, draws, networks = recorded_queue(task, settings)
    mean, std = statistics(task.info)
    recipe = idm.Recipe(
        lr=settings.lr,
        momentum=settings.momentum,
        factor=settings.factor,
        size=settings.queue_size,
        interval=settings.iterations_per_model,
        window=settings.accuracy_window,
        ce_weight=settings.ce_weight,
        train_lr=settings.train_lr,
        train_momentum=settings.train_momentum,
        train_weight_decay=settings.train_weight_decay,
    )
    start, train = (initial - mean) / std, (task.train.images.double() / 255, task.train.labels)
    return start, idm.condense(start, draws, networks, train, recipe, mean=mean, std=std)


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"queue_size": 2, "iterations_per_model": 1, "networks_trained": 3},
        {"accuracy_window": 0, "momentum": 0.0, "train_momentum": 0.0, "ce_weight": 0.002},
        {"factor": 2, "init": "mix-bilinear", "train_batch": 1000, "iterations": 3},
    ],
)
def test_steps_are_those_of_the_literal_idm_loop(changes: dict[str, Any], batch_norm: bool) -> None:
    settings = like_idm(**changes)
    start, expected = literal(settings, batch_norm=batch_norm)
    matching = matching_of(settings, task_of(batch_norm=batch_norm))
    for _ in range(settings.iterations):
        matching.advance()
    assert (expected - start).abs().max() > 0.02
    torch.testing.assert_close(matching.learnable.images, expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(
    "changes",
    [
        {"ce_weight": 0.0},
        {"networks_trained": 0},
        {"accuracy_window": 1},
        {"queue_size": 1},
        {"train_weight_decay": 0.1},
    ],
)
def test_every_part_of_the_method_moves_the_images(changes: dict[str, Any]) -> None:
    assert not torch.allclose(
        matching_of(like_idm()).run().stored_images(), matching_of(like_idm(**changes)).run().stored_images()
    )


def test_draws_as_tensors_give_the_steps_of_the_literal_loop() -> None:
    settings, task = like_idm(), task_of()
    matching = matching_of(settings, task)
    augmentation = Augmentation(settings.augmentation, settings.strategy).without("flip")
    matching._run = GPURunner(matching._run._step, task, augmentation, captured=False, compiled=False)
    for _ in range(settings.iterations):
        matching.advance()
    torch.testing.assert_close(matching.learnable.images, literal(settings)[1], rtol=1e-9, atol=1e-10)


def test_classes_condensed_in_parts_are_those_condensed_together() -> None:
    def images(classes: range) -> Tensor:
        matching = matching_of(like_idm(), task_of(classes=classes))
        matching.run()
        return matching.learnable.images

    parts = torch.cat([images(range(1)), images(range(1, 3))])
    torch.testing.assert_close(parts, images(range(3)), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("last", [1, 4, 8])
def test_a_resumed_run_gives_the_same_bits(last: int) -> None:
    stopped, whole = task_of(batch_norm=True), matching_of(like_idm(), task_of(batch_norm=True))
    matching = matching_of(like_idm(), stopped)
    for _ in range(last):
        matching.advance()
    stopped.checkpoint(matching._state)
    resumed = matching_of(like_idm(), task_of(batch_norm=True, state=stopped.state))
    assert torch.equal(resumed.run().stored_images(), whole.run().stored_images())
    assert resumed.step == 9


def queue_of(task: MemoryTask, settings: QueueSettings) -> NetworkQueue:
    normaliser = Normaliser(task.info.mean, task.info.std, dtype=torch.float64)
    real = RealImages(task.train, settings.batch_real, normaliser, task.device)
    return NetworkQueue(task, settings, real, dtype=torch.float64)


def test_the_network_is_frozen_in_eval_mode_and_stays_in_its_tensors() -> None:
    queue = queue_of(task_of(batch_norm=True), like_idm())
    first = queue.at(0)
    addresses = [tensor.data_ptr() for tensor in first.state_dict().values()]
    weights = [first.classifier.weight.clone()]
    for step in range(1, 6):
        network = queue.at(step)
        weights.append(network.classifier.weight.clone())
        assert network is first
        assert [tensor.data_ptr() for tensor in network.state_dict().values()] == addresses
    assert not first.training
    assert not any(weight.requires_grad for weight in first.parameters())
    assert first.classifier.weight.dtype == torch.float64
    assert sum(torch.equal(weights[0], other) for other in weights[1:]) < 5


def test_accuracy_is_a_percentage_that_training_raises() -> None:
    queue = queue_of(task_of(), like_idm(queue_size=1, iterations_per_model=1000, accuracy_window=0, iterations=40))
    metrics = []
    for step in range(40):
        queue.at(step)
        metrics.append(float(queue.accuracy))
    assert metrics[0] == 0
    assert 60 < metrics[-1] <= 100


@pytest.mark.parametrize(("iterations", "size", "rows"), [(1, 100, 4), (2, 100, 4), (3, 100, 5), (1000, 7, 7)])
def test_no_more_room_is_taken_than_the_run_fills(iterations: int, size: int, rows: int) -> None:
    settings = like_idm(iterations=iterations, queue_size=size)
    assert {len(tensor) for tensor in queue_of(task_of(), settings).state().values()} == {rows}


def test_a_network_without_a_classifier_is_refused() -> None:
    class Nameless(TinyNetwork):
        def forward(self, images: Tensor) -> Tensor:
            return self.embed(images)

    with pytest.raises(RequestError, match="Nameless has no layer named classifier"):
        matching_of(like_idm(), tiny_task(network=lambda _: Nameless())).advance()
