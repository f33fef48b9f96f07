from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from dcbench import Dataset
from dcbench_plugins import datasets
from dcbench_plugins.datasets.image_folder import ImageFolder

if TYPE_CHECKING:
    from pathlib import Path

RECORDS = {record.name: record for record in datasets.dcbench_datasets()}


def test_the_records_name_the_datasets() -> None:
    standard = ["digits", "mnist", "fashion-mnist", "svhn", "cifar10", "cifar100"]
    assert list(RECORDS) == [*standard, "tiny-imagenet", "imagenette", "imagenet10", "imagenet100", "folder"]
    assert RECORDS["folder"].argument == "PATH"


@pytest.mark.parametrize("name", RECORDS)
def test_each_target_is_a_dataset(name: str, tmp_path: Path) -> None:
    module, _, target = RECORDS[name].target.partition(":")
    dataset = getattr(import_module(module), target)(tmp_path, "", getattr(import_module(module), target).Settings())
    assert isinstance(dataset, Dataset)
    if not isinstance(dataset, ImageFolder):
        assert dataset.info().name == name


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import dcbench_plugins.datasets as d; d.dcbench_datasets()", {"torch", "torchvision", "sklearn", "numpy"}),
        (
            "from dcbench_plugins.datasets import vision, digits; from pathlib import Path\n"
            "vision.MNIST(Path('x'), '', vision.MNIST.Settings()).info()\n"
            "digits.Digits(Path('x'), '', digits.Digits.Settings()).info()",
            {"torchvision", "sklearn", "PIL", "scipy"},
        ),
    ],
)
def test_listing_and_planning_import_nothing_heavy(code: str, absent: set[str]) -> None:
    check = f"{code}\nimport sys; print(sorted({absent!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
