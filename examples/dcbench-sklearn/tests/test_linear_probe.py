from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from dcbench_sklearn.linear_probe import LinearProbe

from dcbench import CondensedSet, DatasetInfo, ImageSet

INFO = DatasetInfo(
    name="made-up",
    shape=(1, 2, 2),
    class_names=("a", "b", "c"),
    train_counts=(4, 4, 4),
    test_counts=(4, 4, 4),
    mean=(0.5,),
    std=(0.25,),
)
LABELS = torch.arange(3).repeat(4)
IMAGES = torch.zeros(12, 1, 2, 2)
IMAGES[torch.arange(12), 0, LABELS // 2, LABELS % 2] = 1.0
TEST = ImageSet((IMAGES * 255).to(torch.uint8), LABELS, 3)


def accuracies(condensed: CondensedSet, seeds: tuple[int, ...] = (1,), **settings: float) -> tuple[float, ...]:
    context: Any = SimpleNamespace(info=INFO, seeds=seeds, chunk=5, progress=lambda *_, **__: None)
    probe = LinearProbe()
    return tuple(probe.evaluate(condensed, TEST, TEST, context, probe.Settings(**settings)).metrics["linear_accuracy"])


def test_classes_that_a_line_separates_are_told_apart() -> None:
    assert accuracies(CondensedSet.of_images(IMAGES[:3], LABELS[:3]), (1, 2, 3)) == (100.0, 100.0, 100.0)


def test_wrong_labels_cost_what_they_are_wrong_about() -> None:
    swapped = CondensedSet.of_images(IMAGES[:3], torch.tensor([1, 0, 2]))
    assert accuracies(swapped) == (pytest.approx(100 / 3),)


def test_a_probability_of_one_is_a_label() -> None:
    images = torch.rand(9, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    hard = torch.arange(3).repeat(3)
    soft = torch.nn.functional.one_hot(hard, 3).float()
    assert accuracies(CondensedSet.of_images(images, soft)) == accuracies(CondensedSet.of_images(images, hard))


def test_soft_labels_count_by_their_probability() -> None:
    leaning = torch.tensor([[0.4, 0.6, 0.0], [0.6, 0.4, 0.0], [0.0, 0.0, 1.0]])
    assert accuracies(CondensedSet.of_images(IMAGES[:3], leaning)) == (pytest.approx(100 / 3),)
