from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles import dm, m3d
from support.fakes import MemoryTask, info_of, made_up_set
from support.matching_setup import TinyNetwork, recorded, statistics, tiny_task
from torch import Tensor, nn

from dcbench import RequestError
from dcbench.toolbox.augment import Augmentation, Draw
from dcbench.toolbox.matching import Matching, MatchingSettings, gaussian_mmd, linear_mmd, match, snapshot_steps

if TYPE_CHECKING:
    from dcbench import State

PIXEL: dict[str, Any] = {"objective": gaussian_mmd, "space": "pixel", "sequential": True}
NORMALISED: dict[str, Any] = {"objective": linear_mmd, "space": "normalised", "sequential": False}


def like_m3d(**changes: Any) -> MatchingSettings:
    values = {
        "iterations": 3,
        "lr": 20.0,
        "factor": 2,
        "iterations_per_model": 2,
        "batch_real": 4,
        "init": "mix",
        "augmentation": "diffaug",
        "strategy": "color_crop_cutout",
    }
    return MatchingSettings(**{**values, **changes})


@pytest.mark.parametrize(
    ("classes", "ipc", "momentum", "changes"),
    [
        (2, 1, 0.0, {}),
        (3, 1, 0.5, {}),
        (4, 1, 0.9, {}),
        (2, 2, 0.5, {"batch_syn_max": 5}),
        (3, 2, 0.5, {"factor": 1, "init": "random", "lr": 2.0}),
    ],
)
def test_steps_are_those_of_the_literal_m3d_loop(
    classes: int, ipc: int, momentum: float, changes: dict[str, Any]
) -> None:
    task, settings = tiny_task(classes, ipc), like_m3d(momentum=momentum, **changes)
    initial, draws = recorded(task, settings)
    mean, std = torch.rand((2, 2, 1, 1), dtype=torch.float64, generator=torch.Generator().manual_seed(5)) + 0.1
    expected = m3d.condense(
        initial, draws, lr=settings.lr, momentum=momentum, factor=settings.factor, kernel="gaussian", mean=mean, std=std
    )
    given = (tuple(mean.flatten().tolist()), tuple(std.flatten().tolist()))
    matching = Matching(task, settings, **PIXEL, statistics=given, dtype=torch.float64)
    for _ in draws:
        matching.advance()
    assert (expected - initial).abs().max() > 0.05
    torch.testing.assert_close(matching.learnable.images, expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_steps_are_those_of_the_literal_dm_loop(momentum: float) -> None:
    settings = MatchingSettings(
        iterations=5,
        lr=0.3,
        momentum=momentum,
        batch_real=7,
        augmentation="dsa",
        strategy="color_crop_cutout_scale_rotate",
    )
    task = tiny_task(4)
    initial, draws = recorded(task, settings)
    mean, std = statistics(task.info)
    expected = dm.condense((initial - mean) / std, draws, lr=0.3, momentum=momentum, mean=mean, std=std)
    matching = Matching(task, settings, **NORMALISED, dtype=torch.float64)
    for _ in draws:
        matching.advance(value=True)
    assert (expected - (initial - mean) / std).abs().max() > 0.05
    torch.testing.assert_close(matching.learnable.images, expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(
    ("how", "changes"),
    [
        (PIXEL, {"batch_syn_max": 5}),
        (NORMALISED, {"augmentation": "dsa", "strategy": "color_crop_cutout_scale_rotate", "factor": 1}),
    ],
)
def test_classes_condensed_in_parts_are_those_condensed_together(how: dict[str, Any], changes: dict[str, Any]) -> None:
    settings = like_m3d(iterations=4, **changes)

    def images(classes: range) -> Tensor:
        task = tiny_task(5, 2)
        task.classes = classes
        matching = Matching(task, settings, **how, dtype=torch.float64)
        condensed = matching.run()
        assert condensed.labels.tolist() == [label for label in classes for _ in range(2)]
        return matching.learnable.images

    parts = torch.cat([images(range(2)), images(range(2, 5))])
    torch.testing.assert_close(parts, images(range(5)), rtol=1e-10, atol=1e-12)


def test_a_network_that_mixes_images_condenses_no_part() -> None:
    task = tiny_task(3, network=lambda _: nn.Sequential(nn.BatchNorm2d(2)))
    task.classes = range(1, 2)
    with pytest.raises(RequestError, match="convnet3 mixes the images of a batch, so classes 1-1 alone"):
        Matching(task, like_m3d(), **PIXEL)


def test_the_size_of_a_chunk_changes_nothing() -> None:
    images = []
    for chunk in (1, 5, 1000):
        task = tiny_task()
        task.chunk = chunk
        matching = Matching(task, like_m3d(), **PIXEL, dtype=torch.float64)
        for _ in range(3):
            matching.advance()
        images.append(matching.learnable.images)
    torch.testing.assert_close(images[0], images[2])
    torch.testing.assert_close(images[1], images[2])


def discrepancy(task: MemoryTask, images: Tensor) -> Tensor:
    """MMD of all classes between given pixels (classes, n, C, H, W) and all real images, over unseen networks."""
    mean, std = (metrics.float() for metrics in statistics(task.info))
    real = torch.stack([task.train.pixels(index) for index in task.train.class_index])
    total = torch.zeros(())
    for seed in range(5):
        body = task.network("tiny", 1000 + seed).embed
        features = [body((batch.flatten(0, 1) - mean) / std).unflatten(0, batch.shape[:2]) for batch in (images, real)]
        total = total + gaussian_mmd(*features, value=True).sum().detach()
    return total / 5


@pytest.mark.parametrize(("factor", "init"), [(2, "mix"), (1, "noise")])
def test_matching_lowers_the_discrepancy_on_networks_it_has_not_seen(factor: int, init: str) -> None:
    task = tiny_task(per_class=30)
    task.chunk = 100
    changes = {"factor": factor, "init": init, "augmentation": "none", "strategy": ""}
    condensed = match(task, like_m3d(iterations=60, lr=0.1, batch_real=30, **changes), **PIXEL)
    before, _ = task.kept[0].decode()
    after, labels = condensed.decode()
    order = labels.argsort(stable=True)
    shape = (3, -1)
    assert discrepancy(task, after[order].unflatten(0, shape)) < 0.75 * discrepancy(
        task, before[order].unflatten(0, shape)
    )


class StoppedError(Exception):
    pass


class StoppingTask(MemoryTask):
    """Dies right after the checkpoint of step `last`."""

    last = 3

    def checkpoint(self, state: Any) -> None:
        taken: State = state()
        super().checkpoint(lambda: taken)
        if taken["step"] == self.last:
            raise StoppedError


@pytest.mark.parametrize(
    ("how", "settings"), [(PIXEL, like_m3d(iterations=7)), (NORMALISED, MatchingSettings(iterations=7))]
)
def test_a_resumed_run_gives_the_same_bits(how: dict[str, Any], settings: MatchingSettings) -> None:
    train = made_up_set(channels=2)
    common: dict[str, Any] = {"network": lambda _: TinyNetwork()}
    whole = match(MemoryTask(train, info_of(train), 2, **common), settings, **how)
    stopped = StoppingTask(train, info_of(train), 2, **common)
    with pytest.raises(StoppedError):
        match(stopped, settings, **how)
    resumed = MemoryTask(train, info_of(train), 2, state=stopped.state, **common)
    condensed = match(resumed, settings, **how)
    assert resumed.reports[0][0] == 4
    assert 0 not in resumed.kept
    assert torch.equal(condensed.stored_images(), whole.stored_images())


def test_the_same_task_gives_the_same_bits_and_another_seed_others() -> None:
    first, again, other = (match(tiny_task(seed=seed), like_m3d(), **PIXEL).stored_images() for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_no_iterations_return_the_initialisation() -> None:
    task = tiny_task()
    condensed = match(task, like_m3d(iterations=0), **PIXEL)
    initial, _ = recorded(task, like_m3d(iterations=0))
    assert torch.equal(condensed.stored_images(), initial.flatten(0, 1).float())
    assert list(task.kept) == [0]
    assert task.reports == []


def test_losses_are_reported_first_last_and_about_a_hundred_times() -> None:
    task = tiny_task()
    settings = like_m3d(
        iterations=211, batch_real=2, factor=1, augmentation="none", strategy="", iterations_per_model=50
    )
    match(task, settings, **PIXEL)
    assert [step for step, _, _ in task.reports] == list(range(1, 212))
    with_loss = [step for step, _, metrics in task.reports if "loss" in metrics]
    assert with_loss[0] == 1
    assert with_loss[-1] == 211
    assert 100 <= len(with_loss) <= 200
    assert min(metrics["loss"] for _, _, metrics in task.reports if metrics) >= 0
    assert tuple(task.kept) == snapshot_steps(211) == (0, 10, 20, 50, 100, 200)


def test_a_snapshot_holds_the_set_after_as_many_steps_as_it_says() -> None:
    task, ten_steps = tiny_task(), tiny_task()
    match(task, like_m3d(iterations=12), **PIXEL)
    initial, _ = recorded(task, like_m3d(iterations=0))
    assert list(task.kept) == [0, 10]
    assert torch.equal(task.kept[0].stored_images(), initial.flatten(0, 1).float())
    after_ten = match(ten_steps, like_m3d(iterations=10), **PIXEL)
    assert torch.equal(task.kept[10].stored_images(), after_ten.stored_images())


@given(st.integers(0, 30_000))
def test_snapshots_are_few_and_before_the_end(total: int) -> None:
    steps = snapshot_steps(total)
    assert steps[0] == 0
    assert list(steps) == sorted(set(steps))
    assert all(step < max(1, total) for step in steps)
    assert len(steps) < 14


def test_a_network_serves_its_steps_and_is_never_trained() -> None:
    made: list[TinyNetwork] = []

    def network(_: str) -> TinyNetwork:
        made.append(TinyNetwork())
        return made[-1]

    train = made_up_set(channels=2)
    match(MemoryTask(train, info_of(train), 2, network=network), like_m3d(iterations=5), **PIXEL)
    weights = [module.body[0].weight for module in made]
    assert len(made) == 3
    assert not any(weight.requires_grad or weight.grad is not None for weight in weights)
    assert not torch.equal(weights[0], weights[1])


@pytest.mark.parametrize("mirror_ok", [True, False])
def test_images_are_mirrored_only_where_mirrors_are_right(mirror_ok: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[tuple[str, ...]] = []
    original = Augmentation.draw

    def draw(self: Augmentation, *args: Any, **options: Any) -> Draw:
        used.append(self.operations)
        return original(self, *args, **options)

    monkeypatch.setattr(Augmentation, "draw", draw)
    train = made_up_set(channels=2)
    task = MemoryTask(train, info_of(train, mirror_ok=mirror_ok), 2, network=lambda _: TinyNetwork())
    match(task, like_m3d(iterations=1, strategy="crop_flip"), **PIXEL)
    assert ("flip" in used[0]) == mirror_ok
