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

STATISTICS = {
    "mnist": ((0.1307,), (0.3081,)),
    "fashion-mnist": ((0.2861,), (0.3530,)),
    "svhn": ((0.4377, 0.4438, 0.4728), (0.1980, 0.2010, 0.1970)),
    "cifar10": ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)),
    "cifar100": ((0.5071, 0.4866, 0.4409), (0.2673, 0.2564, 0.2762)),
}
"""Mean and standard deviation of the channels: the constants of the code of DC."""


@pytest.mark.parametrize("name", STATISTICS)
def test_images_are_normalised_as_in_the_code_of_dc(name: str) -> None:
    assert (INFO[name].mean, INFO[name].std) == STATISTICS[name]


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
