from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from oracles.moments import distances
from support.fakes import info_of, made_up_set
from torch import Tensor, nn

from dcbench import CondensedSet, Context, derive_seed
from dcbench_plugins.evaluators.moments import METRICS, Moments

TRAIN = made_up_set(classes=3, per_class=9, channels=2, size=4)
INFO = info_of(TRAIN)


class Random(nn.Module):
    """A layer with a constant feature among the others."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(32, 4)

    def embed(self, images: Tensor) -> Tensor:
        features = self.layer(images.flatten(1)).relu()
        return torch.cat([features, torch.ones(len(images), 1, dtype=features.dtype)], 1)


class FakeContext(Context):
    def __init__(self, *seeds: int, chunk: int = 4) -> None:
        self.info, self.ipc, self.device, self.recipe = INFO, 3, torch.device("cpu"), None
        self.seeds, self.chunk = seeds, chunk
        self.reports: list[tuple[int, int]] = []
        self.artifacts: dict[str, dict[str, Tensor]] = {}

    def artifact(self, key: Mapping[str, Any], build: Callable[[int], Mapping[str, Tensor]]) -> dict[str, Tensor]:
        name = repr(key)
        if name not in self.artifacts:
            self.artifacts[name] = dict(build(0))
        return self.artifacts[name]

    def network(self, name: str, seed: int) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return Random().double()

    def progress(self, step: int, total: int, **metrics: float) -> None:
        self.reports.append((step, total))


def selection(per_class: int = 3) -> CondensedSet:
    return CondensedSet.selection(torch.cat([index[:per_class] for index in TRAIN.class_index]), TRAIN)


def evaluate(condensed: CondensedSet, context: Context, **settings: Any) -> dict[str, tuple[float, ...]]:
    return dict(Moments().evaluate(condensed, TRAIN, TRAIN, context, Moments.Settings(**settings)).metrics)


def literal(seed: int, draws: int) -> list[float]:
    mean, std = (torch.tensor(metrics, dtype=torch.float64).view(-1, 1, 1) for metrics in (INFO.mean, INFO.std))
    total = torch.zeros(3, dtype=torch.float64)
    for draw in range(draws):
        network = FakeContext().network("", derive_seed(purpose="moments", seed=seed, draw=draw))
        for index in TRAIN.class_index:
            pixels = (TRAIN.images[index].double() / 255 - mean) / std
            features = network.embed(pixels)
            total += torch.tensor(distances(features[:3], features), dtype=torch.float64)
    return (total / draws / 3).tolist()


def test_figures_are_those_of_the_literal_definition() -> None:
    context = FakeContext(5, 6)
    metrics = evaluate(selection(), context, draws=2)
    expected = [literal(seed, 2) for seed in (5, 6)]
    for place, name in enumerate(METRICS):
        assert metrics[name] == pytest.approx([row[place] for row in expected], rel=1e-6)
    assert context.reports == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_the_whole_training_set_is_no_distance_away() -> None:
    metrics = evaluate(selection(9), FakeContext(1))
    assert all(values == pytest.approx((0.0,), abs=1e-6) for values in metrics.values())


def test_the_moments_of_the_training_images_are_computed_once_for_all_sets_under_one_network() -> None:
    first, second = FakeContext(5, 6), FakeContext(6)
    evaluate(selection(), first, draws=2)
    assert len(first.artifacts) == 4
    second.artifacts = {name: {"moments": tensors["moments"] + 1} for name, tensors in first.artifacts.items()}
    metrics = evaluate(selection(9), second, draws=2)
    assert len(second.artifacts) == 4, "networks of a seed are those of another evaluation"
    assert metrics["mean_distance"] == pytest.approx((5**0.5,)), "all five means were kept, one too large each"
    evaluate(selection(9), second, draws=2, network="other")
    assert len(second.artifacts) == 6


def test_the_size_of_a_chunk_changes_nothing() -> None:
    small, large = (evaluate(selection(), FakeContext(1, chunk=chunk)) for chunk in (2, 1000))
    for name in METRICS:
        assert small[name] == pytest.approx(large[name])


def test_where_memory_runs_out_chunks_are_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = evaluate(selection(), FakeContext(1))
    embed = Random.embed

    def hungry(network: Random, images: Tensor) -> Tensor:
        if len(images) > 2:
            raise torch.OutOfMemoryError("the device is full")
        return embed(network, images)

    monkeypatch.setattr(Random, "embed", hungry)
    metrics = evaluate(selection(), FakeContext(1, chunk=1000))
    for name in METRICS:
        assert metrics[name] == pytest.approx(expected[name])


def test_images_of_a_soft_label_belong_to_its_likeliest_class() -> None:
    hard = selection()
    soft = torch.nn.functional.one_hot(hard.labels, 3).float() * 0.8 + 0.2 / 3
    images = TRAIN.pixels(hard.source_indices)
    metrics = evaluate(CondensedSet(soft, images), FakeContext(1))
    assert metrics["mean_distance"] == pytest.approx(evaluate(hard, FakeContext(1))["mean_distance"], rel=1e-5)


def test_a_class_that_no_soft_label_prefers_is_left_out() -> None:
    hard = selection()
    kept = hard.labels < 2
    images, soft = TRAIN.pixels(hard.source_indices)[kept], torch.nn.functional.one_hot(hard.labels[kept], 3).float()
    metrics = evaluate(CondensedSet(soft, images), FakeContext(1))
    assert all(torch.tensor(metrics[name]).isfinite().all() for name in METRICS)
