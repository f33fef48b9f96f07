"""Herding and k-center: their rules against the literal ones, and what the two methods share."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import selection as oracle
from support.fakes import MemoryTask, info_of, made_up_set
from torch import Tensor, nn

from dcbench import RequestError
from dcbench.toolbox.selection import FeatureSelection, Rule, class_blocks, feature_network, image_features, rules
from dcbench_plugins.methods.herding import Herding, herd, nearest_to_mean
from dcbench_plugins.methods.k_center import KCenter, farthest_first

PAIRS: list[tuple[Rule, Any]] = [
    (herd, oracle.herding),
    (nearest_to_mean, oracle.nearest),
    (farthest_first, oracle.k_center),
]
LOOPS: list[tuple[Rule, Any]] = [
    (herd, oracle.herding_loop),
    (nearest_to_mean, oracle.nearest_loop),
    (farthest_first, oracle.k_center_loop),
]
METHODS: list[type[FeatureSelection]] = [Herding, KCenter]

TRAIN = made_up_set(classes=3, per_class=12)
INFO = info_of(TRAIN)
FAST = {"network": "tiny", "epochs": 2, "batch_size": 8}


class Tiny(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.ReLU())
        self.head = nn.Linear(5, 3)

    def embed(self, images: Tensor) -> Tensor:
        features: Tensor = self.body(images)
        return features

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.embed(images))
        return logits


def task(ipc: int, **changes: Any) -> MemoryTask:
    made = MemoryTask(TRAIN, INFO, ipc, network=lambda _: Tiny())
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def picks(method: type[FeatureSelection], made: MemoryTask, **changes: Any) -> Tensor:
    condensed = method().condense(made, method.Settings(**FAST | changes))
    condensed.check(INFO, made.ipc)
    assert condensed.labels.tolist() == [label for label in range(3) for _ in range(made.ipc)]
    assert condensed.source_indices is not None
    return condensed.source_indices


def choose(rule: Rule, classes: list[Tensor], count: int) -> list[list[int]]:
    ((rows, present),) = class_blocks(classes, [len(features) for features in classes], 2**20)
    chosen: list[list[int]] = rule(rows, present, count).tolist()
    return chosen


def gaussian(rows: int, width: int, seed: int) -> Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(("rule", "literal"), PAIRS)
@settings(max_examples=40)
@given(
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=3),
    width=st.integers(1, 5),
    seed=st.integers(0, 2**32),
    data=st.data(),
)
def test_agrees_with_the_literal_rule_on_random_features(
    rule: Rule, literal: Any, sizes: list[int], width: int, seed: int, data: st.DataObject
) -> None:
    count = data.draw(st.integers(1, min(sizes)))
    classes = [gaussian(size, width, seed + label) for label, size in enumerate(sizes)]
    assert choose(rule, classes, count) == [literal(features.tolist(), count) for features in classes]


@pytest.mark.parametrize(("rule", "literal"), PAIRS)
@settings(max_examples=60)
@given(
    classes=st.integers(1, 3).flatmap(
        lambda width: st.lists(
            st.lists(st.lists(st.integers(-2, 2), min_size=width, max_size=width), min_size=1, max_size=9),
            min_size=1,
            max_size=3,
        )
    ),
    data=st.data(),
)
def test_agrees_with_the_literal_rule_on_ties_and_duplicates(
    rule: Rule, literal: Any, classes: list[list[list[int]]], data: st.DataObject
) -> None:
    count = data.draw(st.integers(1, min(map(len, classes))))
    features = [torch.tensor(rows, dtype=torch.float64) for rows in classes]
    assert choose(rule, features, count) == [literal(rows, count) for rows in classes]


@pytest.mark.parametrize(("rule", "literal"), PAIRS)
def test_agrees_with_the_literal_rule_far_from_the_origin(rule: Rule, literal: Any) -> None:
    features = torch.randn(30, 8, generator=torch.Generator().manual_seed(3)) + 100
    assert choose(rule, [features], 20) == [literal(features.tolist(), 20)]


@pytest.mark.parametrize(("rule", "literal"), LOOPS)
def test_agrees_with_the_published_loop_on_many_rows_and_picks(rule: Rule, literal: Any) -> None:
    classes = [gaussian(size, 64, size) for size in (400, 250, 399)]
    assert choose(rule, classes, 200) == [literal(features, 200) for features in classes]


@pytest.mark.parametrize(("rule", "_"), PAIRS)
def test_every_row_can_be_chosen(rule: Rule, _: Any) -> None:
    assert sorted(choose(rule, [torch.ones(4, 2)], 4)[0]) == [0, 1, 2, 3]


@pytest.mark.parametrize(("rule", "_"), PAIRS)
def test_no_pick_waits_for_the_device(rule: Rule, _: Any) -> None:
    # A meta tensor has no values, so whatever needs one on the host fails.
    rows, present = torch.empty(3, 9, 4, dtype=torch.float64, device="meta"), torch.ones(3, 9, device="meta").bool()
    assert rule(rows, present, 5).shape == (3, 5)


def test_herding_follows_the_mean_better_than_k_center() -> None:
    features = torch.rand(60, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    chosen = {rule: features[choose(rule, [features], 8)[0]] for rule in (herd, farthest_first)}
    error = {rule: float((rows.mean(0) - features.mean(0)).norm()) for rule, rows in chosen.items()}
    cover = {rule: float(torch.cdist(features, rows).amin(1).max()) for rule, rows in chosen.items()}
    assert error[herd] < error[farthest_first] / 3
    assert cover[farthest_first] < cover[herd]


@pytest.mark.parametrize(
    ("method", "changes", "literal"),
    [
        (Herding, {}, oracle.herding),
        (Herding, {"rule": "nearest"}, oracle.nearest),
        (KCenter, {}, oracle.k_center),
        (KCenter, {"epochs": 0}, oracle.k_center),
    ],
)
def test_the_method_is_the_literal_rule_in_the_feature_space_of_each_class(
    method: type[FeatureSelection], changes: dict[str, Any], literal: Any
) -> None:
    made = task(ipc=4)
    chosen = picks(method, made, **changes)
    network = feature_network(made, method.Settings(**FAST | changes))
    expected: list[int] = []
    for indices in TRAIN.class_index:
        order = literal(image_features(network, made, indices).tolist(), 4)
        expected += [int(indices[position]) for position in order]
    assert chosen.tolist() == expected


@pytest.mark.parametrize("method", METHODS)
def test_picks_are_different_images_and_the_same_each_time(method: type[FeatureSelection]) -> None:
    chosen = picks(method, task(ipc=12))
    assert sorted(chosen.tolist()) == list(range(len(TRAIN)))
    assert torch.equal(chosen, picks(method, task(ipc=12)))


@pytest.mark.parametrize("method", METHODS)
def test_a_larger_ipc_begins_with_the_picks_of_a_smaller_one(method: type[FeatureSelection]) -> None:
    made = task(ipc=2)
    few = picks(method, made).view(3, 2)
    made.ipc = 6
    assert torch.equal(picks(method, made).view(3, 6)[:, :2], few)


def test_both_methods_agree_at_ipc_1_and_share_one_feature_network() -> None:
    made = task(ipc=1)
    assert torch.equal(picks(Herding, made), picks(KCenter, made))
    assert torch.equal(picks(Herding, made), picks(Herding, made, rule="nearest"))
    made.ipc = 6
    assert not torch.equal(picks(Herding, made), picks(Herding, made, rule="nearest"))
    assert not torch.equal(picks(Herding, made), picks(KCenter, made))
    assert len(made.artifacts) == 1


def test_the_recommended_settings_are_the_same_for_both_methods_and_every_ipc() -> None:
    values = [method().settings_for(INFO, ipc).digest_form() for method in METHODS for ipc in (1, 10)]
    assert all(value == values[0] for value in values)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("limit", [1, 2 * 12 * 5 * 8])
def test_the_size_of_a_block_changes_no_pick(
    method: type[FeatureSelection], limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = picks(method, task(ipc=6))
    monkeypatch.setattr(rules, "BLOCK_BYTES", limit)
    assert torch.equal(picks(method, task(ipc=6)), together)


@pytest.mark.parametrize("method", METHODS)
def test_classes_alone_get_the_picks_that_all_together_give_them(method: type[FeatureSelection]) -> None:
    together = picks(method, task(ipc=4))
    alone = method().condense(task(ipc=4, classes=range(1, 3)), method.Settings(**FAST))
    assert method.by_class
    assert alone.source_indices is not None
    assert torch.equal(alone.source_indices, together[4:])


@pytest.mark.parametrize("method", METHODS)
def test_more_images_than_the_smallest_class_has_are_refused(method: type[FeatureSelection]) -> None:
    with pytest.raises(RequestError, match="at most --ipc 12"):
        method().validate(INFO, 13, method.Settings(**FAST))
    with pytest.raises(RequestError, match="at most --ipc 12"):
        method().condense(task(ipc=13), method.Settings(**FAST))
