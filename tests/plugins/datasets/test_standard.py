from __future__ import annotations

import pytest

from dcbench_plugins.datasets.standard import INFO

TOTALS = {
    "mnist": (60_000, 10_000),
    "fashion-mnist": (60_000, 10_000),
    "svhn": (73_257, 26_032),
    "cifar10": (50_000, 10_000),
    "cifar100": (50_000, 10_000),
}


@pytest.mark.parametrize("name", TOTALS)
def test_the_constants_fit_together(name: str) -> None:
    info = INFO[name]
    assert info.name == name
    assert (sum(info.train_counts), sum(info.test_counts)) == TOTALS[name]
    assert len(info.train_counts) == len(info.test_counts) == len(set(info.class_names)) == info.classes
    assert len(info.mean) == len(info.std) == info.shape[0]
    assert info.default_protocol == "m3d"


def test_only_clothes_and_photographs_may_be_mirrored() -> None:
    assert {name for name, info in INFO.items() if info.mirror_ok} == {"fashion-mnist", "cifar10", "cifar100"}


def test_the_fine_labels_are_a_hundred_in_alphabetical_order() -> None:
    assert len(INFO["cifar100"].class_names) == 100
    assert list(INFO["cifar100"].class_names) == sorted(INFO["cifar100"].class_names)
