"""The recommended settings of every method, pinned value by value, and the kind of origin of each.

The tables are facts about papers and codes, written down from those and not from the methods.
"""

from __future__ import annotations

from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from support.fakes import info_of, made_up_set

from dcbench import DatasetInfo, Method
from dcbench_plugins.datasets.standard import INFO
from dcbench_plugins.datasets.tiny_imagenet import TinyImageNet
from dcbench_plugins.methods import dcbench_methods

METHODS: dict[str, type[Method]] = {}
for record in dcbench_methods():
    if record.name != "imported":  # its settings say which set is meant; there is nothing to recommend
        module, _, attribute = record.target.partition(":")
        METHODS[record.name] = getattr(import_module(module), attribute)

SUBSETS = {
    name: info_of(made_up_set(), name=name, shape=(3, 224, 224), class_names=names, train_counts=(1300,) * len(names))
    for name, count in (("imagenet10", 10), ("imagenet100", 100))
    for names in [tuple(map(str, range(count)))]
}
LOW_RESOLUTION = list(product(["mnist", "fashion-mnist", "svhn", "cifar10", "cifar100"], [1, 10, 50]))
LARGE = list(product(SUBSETS, [10, 20]))

Row = tuple[Any, str]
"""A value and the kind of its origin."""

M3D_LOW: dict[str, Row] = {
    "kernel": ("gaussian", "published"),
    "iterations": (10_000, "published"),
    "momentum": (0.5, "published"),
    "factor": (2, "published"),
    "iterations_per_model": (5, "published"),
    "batch_real": (128, "published"),
    "batch_syn_max": (200, "published"),
    "init": ("mix", "inferred"),
    "network": ("convnet3", "published"),
    "augmentation": ("diffaug", "published"),
    "strategy": ("color_crop_cutout", "published"),
}
M3D_LOW_LR: dict[int, Row] = {1: (1.0, "inferred"), 10: (10.0, "inferred"), 50: (50.0, "extrapolated")}
M3D_LARGE: dict[str, Row] = {
    "kernel": ("gaussian", "published"),
    "iterations": (1000, "published"),
    "lr": (0.1, "published"),
    "momentum": (0.5, "inferred"),
    "factor": (3, "published"),
    "iterations_per_model": (5, "inferred"),
    "batch_syn_max": (200, "inferred"),
    "init": ("mix", "inferred"),
    "network": ("resnetap10", "published"),
    "augmentation": ("diffaug", "inferred"),
    "strategy": ("color_crop_cutout", "inferred"),
}
DM_VALUES: dict[str, Any] = {
    "order": 1,
    "iterations": 20_000,
    "lr": 1.0,
    "momentum": 0.5,
    "factor": 1,
    "iterations_per_model": 1,
    "batch_real": 256,
    "batch_syn_max": 0,
    "init": "random",
    "network": "convnet3",
    "augmentation": "dsa",
    "strategy": "color_crop_cutout_flip_scale_rotate",
}
IDM_VALUES: dict[str, Any] = {
    "iterations": 20_000,
    "lr": 0.2,
    "momentum": 0.5,
    "factor": 2,
    "iterations_per_model": 30,
    "batch_real": 256,
    "batch_syn_max": 0,
    "init": "mix-bilinear",
    "network": "convnet3",
    "augmentation": "dsa",
    "strategy": "color_crop_cutout_flip_scale_rotate",
    "queue_size": 100,
    "networks_trained": 2,
    "train_steps": 10,
    "train_batch": 256,
    "train_lr": 0.01,
    "train_momentum": 0.9,
    "train_weight_decay": 5e-4,
    "accuracy_window": 100,
}
IDM_BY_IPC: dict[int, dict[str, Any]] = {
    1: {"batch_real": 5000, "iterations_per_model": 5},
    10: {},
    50: {"accuracy_window": 500},
}
IDM_CE_WEIGHT = {10: {1: 0.5, 10: 0.5, 50: 0.1}, 100: {1: 0.5, 10: 0.1, 50: 0.1}}
IDM_LARGE = {
    "lr": 4.0,
    "batch_real": 128,
    "train_batch": 128,
    "iterations_per_model": 50,
    "accuracy_window": 0,
    "ce_weight": 3.0,
    "network": "convnet[depth=6]",
}
FEATURE_EPOCHS = {"mnist": 2, "fashion-mnist": 2, "svhn": 4, "cifar10": 7, "cifar100": 7}


def recipe(name: str, info: DatasetInfo, ipc: int) -> dict[str, Row]:
    method = METHODS[name]()
    settings, origins = method.settings_for(info, ipc), method.origins_for(info, ipc)
    method.validate(info, ipc, settings)
    values = {field: getattr(settings, field) for field in type(settings).model_fields}
    assert set(origins) == set(values), "every setting has an origin, and no other name has one"
    assert all(origin.source for origin in origins.values())
    return {field: (value, origins[field].kind) for field, value in values.items()}


@pytest.mark.parametrize(("dataset", "ipc"), LOW_RESOLUTION)
def test_m3d_at_low_resolution(dataset: str, ipc: int) -> None:
    assert recipe("m3d", INFO[dataset], ipc) == M3D_LOW | {"lr": M3D_LOW_LR[ipc]}


@pytest.mark.parametrize(("dataset", "ipc"), LARGE)
def test_m3d_on_subsets_of_imagenet(dataset: str, ipc: int) -> None:
    batch_real = {"imagenet10": 128, "imagenet100": 64}[dataset]
    assert recipe("m3d", SUBSETS[dataset], ipc) == M3D_LARGE | {"batch_real": (batch_real, "inferred")}


@pytest.mark.parametrize(("dataset", "ipc"), LOW_RESOLUTION)
def test_dm_at_low_resolution(dataset: str, ipc: int) -> None:
    expected = {field: (value, "published") for field, value in DM_VALUES.items()}
    assert recipe("dm", INFO[dataset], ipc) == expected


@pytest.mark.parametrize(
    ("dataset", "ipc", "lr"), [("cifar10", 99, 1.0), ("cifar10", 100, 10.0), ("cifar100", 125, 1.0)]
)
def test_dm_learns_tenfold_on_cifar10_from_ipc_100_on(dataset: str, ipc: int, lr: float) -> None:
    assert recipe("dm", INFO[dataset], ipc)["lr"][0] == lr


@pytest.mark.parametrize(("dataset", "ipc"), LARGE)
def test_dm_on_subsets_of_imagenet(dataset: str, ipc: int) -> None:
    values = DM_VALUES | {"network": "resnetap10"}
    assert recipe("dm", SUBSETS[dataset], ipc) == {field: (value, "extrapolated") for field, value in values.items()}


@pytest.mark.parametrize(("dataset", "ipc"), LOW_RESOLUTION)
def test_idm_at_low_resolution(dataset: str, ipc: int) -> None:
    values = IDM_VALUES | IDM_BY_IPC[ipc] | {"ce_weight": IDM_CE_WEIGHT[INFO[dataset].classes][ipc]}
    if (dataset, ipc) == ("cifar100", 10):
        values["train_steps"] = 50
    kind = "published" if dataset.startswith("cifar") else "extrapolated"
    assert recipe("idm", INFO[dataset], ipc) == {field: (value, kind) for field, value in values.items()}


@pytest.mark.parametrize(("dataset", "ipc", "size"), [*((*point, 50 if point[1] == 10 else 100) for point in LARGE)])
def test_idm_on_subsets_of_imagenet(dataset: str, ipc: int, size: int) -> None:
    values = IDM_VALUES | IDM_LARGE | {"queue_size": size}
    if ipc > 10:
        values |= {"factor": 1, "init": "random"}
    assert recipe("idm", SUBSETS[dataset], ipc) == {field: (value, "extrapolated") for field, value in values.items()}


@pytest.mark.parametrize(
    ("ipc", "changes"),
    [
        (1, {"ce_weight": 0.5, "train_steps": 10, "accuracy_window": 100}),
        (10, {"ce_weight": 0.5, "train_steps": 10, "accuracy_window": 500}),
        (50, {"ce_weight": 0.8, "train_steps": 50, "accuracy_window": 1000}),
    ],
)
def test_idm_on_tiny_imagenet(ipc: int, changes: dict[str, Any]) -> None:
    info = TinyImageNet(Path("nowhere"), "", TinyImageNet.Settings()).expected()
    values = IDM_VALUES | {"batch_real": 256, "iterations_per_model": 30, "init": "random"} | changes
    assert recipe("idm", info, ipc) == {field: (value, "published") for field, value in values.items()}
    assert recipe("idm", info, 20)["ce_weight"] == (0.8, "extrapolated")


def test_idm_says_what_its_code_does_on_imagenet() -> None:
    sources = [origin.source for origin in METHODS["idm"]().origins_for(SUBSETS["imagenet10"], 10).values()]
    assert all("takes the first 128 images of a class in every step" in source for source in sources)
    assert all("mixes raw and normalised pixels" in source for source in sources)


@pytest.mark.parametrize("method", ["herding", "k-center"])
@pytest.mark.parametrize(("dataset", "ipc"), [*LOW_RESOLUTION, *LARGE])
def test_coresets(method: str, dataset: str, ipc: int) -> None:
    large = dataset in SUBSETS
    info = SUBSETS[dataset] if large else INFO[dataset]
    published = method == "herding" and (large or dataset in ("cifar10", "svhn"))
    kind = "published" if published else "extrapolated"
    rule = {"rule": ("greedy", kind)} if method == "herding" else {}
    assert recipe(method, info, ipc) == rule | {
        "network": ("resnetap10" if large else "convnet3", kind),
        "epochs": (15 if large else FEATURE_EPOCHS[dataset], "chosen"),
        "batch_size": (64, "chosen"),
        "lr": (0.03, "chosen"),
        "augmentation": ("none", "chosen"),
    }


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "info",
    [
        info_of(made_up_set(per_class=200), name="digits"),
        info_of(made_up_set(per_class=200), name="photographs", shape=(3, 64, 64)),
        info_of(made_up_set(per_class=200), name="imagenette", shape=(3, 224, 224)),
    ],
    ids=lambda info: info.name,
)
def test_nothing_is_published_for_data_that_no_paper_used(method: str, info: DatasetInfo) -> None:
    kinds = {kind for _, kind in recipe(method, info, 10).values()}
    assert kinds <= {"extrapolated", "chosen"}


@pytest.mark.parametrize("method", ["m3d", "dm"])
def test_what_is_special_to_tiny_images_was_chosen(method: str) -> None:
    found = recipe(method, info_of(made_up_set(per_class=200), name="digits"), 10)
    names = {"iterations", "batch_real", "network", *(("factor", "lr") if method == "m3d" else ())}
    assert {field for field, (_, kind) in found.items() if kind == "chosen"} == names
