from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from typing import Any

import pytest
from support.fakes import info_of, made_up_set

from dcbench import DatasetInfo, NetworkChoice, Protocol, RequestError, TrainingRecipe
from dcbench_plugins import protocols

FULL = {"color", "crop", "cutout", "flip", "scale", "rotate"}
RECORDS = {record.name: record for record in protocols.dcbench_protocols()}


def protocol(name: str) -> Protocol:
    module, _, attribute = RECORDS[name].target.partition(":")
    found: Protocol = getattr(import_module(module), attribute)()
    return found


def info(name: str = "cifar10", mirror_ok: bool = True, **changes: Any) -> DatasetInfo:
    return info_of(made_up_set(classes=10, per_class=2, channels=3), name=name, mirror_ok=mirror_ok, **changes)


def recipe(name: str, data: DatasetInfo | None = None, ipc: int = 10, factor: int = 1) -> TrainingRecipe:
    return protocol(name).recipe(data or info(), ipc, factor)


def operations(chosen: TrainingRecipe) -> set[str]:
    return {name for name in chosen.strategy.split("_") if name}


def rates(chosen: TrainingRecipe) -> list[float]:
    """The learning rate of each epoch, as the trainer would use it."""
    return [chosen.lr * chosen.gamma ** sum(m <= epoch for m in chosen.milestones) for epoch in range(chosen.epochs)]


def rates_of_the_dc_code(last: int) -> list[float]:
    lr, seen = 0.01, []
    for epoch in range(last + 1):
        seen.append(lr)
        if epoch in [last // 2 + 1]:
            lr *= 0.1
    return seen


def test_the_records_are_those_of_the_design_and_load_without_torch() -> None:
    assert list(RECORDS) == ["dc", "dsa", "idc", "m3d", "idc-imagenet", "quick", "short"]
    assert all(protocol(name).cite for name in RECORDS)
    code = "import sys, dcbench_plugins.protocols as p; p.dcbench_protocols(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", RECORDS)
def test_what_all_protocols_share(name: str) -> None:
    chosen = recipe(name)
    assert (chosen.lr, chosen.momentum, chosen.weight_decay) == (0.01, 0.9, 5e-4)
    assert all(0 < milestone < chosen.epochs for milestone in chosen.milestones)
    assert all(0 < epoch <= chosen.epochs for epoch in chosen.best_of)


@pytest.mark.parametrize("dataset", ["cifar10", "mnist", "svhn", "digits"])
@pytest.mark.parametrize("factor", [1, 2])
@pytest.mark.parametrize("name", sorted({*RECORDS} - {"idc-imagenet"}))
def test_no_protocol_flips_what_must_not_be_flipped(name: str, factor: int, dataset: str) -> None:
    assert "flip" not in operations(recipe(name, info(dataset, mirror_ok=False), 1, factor))


def test_dc_has_no_augmentation_and_one_drop_with_a_fresh_optimiser() -> None:
    chosen = recipe("dc")
    assert (chosen.epochs, chosen.batch_size, chosen.augmentation, chosen.cutmix) == (301, 256, "none", 0)
    assert rates(chosen) == pytest.approx(rates_of_the_dc_code(300))
    assert chosen.reset_momentum
    assert (chosen.repeats, chosen.best_of) == (20, ())


def test_dc_trains_longer_and_augments_on_mnist() -> None:
    chosen = recipe("dc", info("mnist", mirror_ok=False))
    assert (chosen.epochs, chosen.augmentation) == (1001, "dc-spline")
    assert operations(chosen) == {"crop", "scale", "rotate"}
    assert rates(chosen) == pytest.approx(rates_of_the_dc_code(1000))


@pytest.mark.parametrize("record", ["convnet", "convnet3"])
@pytest.mark.parametrize("dataset", ["mnist", "cifar10"])
def test_dc_trains_a_convnet_with_batch_norm_longer_with_crop_and_noise(record: str, dataset: str) -> None:
    network = NetworkChoice(record, {"depth": 3, "width": 128, "norm": "batch"})
    chosen = protocol("dc").recipe_on(network, info(dataset), 10, 1)
    assert (chosen.epochs, chosen.augmentation) == (1001, "dc-spline")
    assert operations(chosen) == {"crop", "noise"}
    assert rates(chosen) == pytest.approx(rates_of_the_dc_code(1000))


@pytest.mark.parametrize(
    ("record", "norm"), [("convnet3", "instance"), ("convnet", "none"), ("resnet10", "batch"), ("densenet121", None)]
)
@pytest.mark.parametrize("name", RECORDS)
def test_other_networks_have_the_recipe_of_all(name: str, record: str, norm: str | None) -> None:
    network = NetworkChoice(record, {"norm": norm} if norm else {})
    assert protocol(name).recipe_on(network, info(), 10, 1) == recipe(name)


def test_dsa_draws_one_of_all_operations_for_1001_epochs() -> None:
    chosen = recipe("dsa")
    assert (chosen.epochs, chosen.batch_size, chosen.augmentation, chosen.cutmix) == (1001, 256, "dsa", 0)
    assert operations(chosen) == FULL
    assert rates(chosen) == pytest.approx(rates_of_the_dc_code(1000))
    assert (chosen.reset_momentum, chosen.repeats, chosen.best_of) == (True, 5, ())
    assert operations(recipe("dsa", info(mirror_ok=False))) == FULL - {"flip"}


@pytest.mark.parametrize(("name", "named"), [("idc", FULL), ("m3d", FULL - {"cutout"})])
def test_idc_and_m3d_train_with_cutmix_and_two_drops(name: str, named: set[str]) -> None:
    chosen = recipe(name, factor=2)
    assert (chosen.epochs, chosen.batch_size, chosen.augmentation) == (1000, 64, "diffaug")
    assert (chosen.cutmix, chosen.cutmix_beta) == (0.5, 1)
    assert operations(chosen) == named
    assert (chosen.milestones, chosen.gamma, chosen.reset_momentum) == ((666, 833), 0.2, False)
    assert chosen.best_of == ((250, 500, 750, 1000) if name == "idc" else (500, 1000))
    assert chosen.repeats == (5 if name == "idc" else 10)


@pytest.mark.parametrize(
    ("dataset", "ipc", "factor", "exception"),
    [
        ("mnist", 1, 2, {"color", "crop", "scale", "rotate"}),
        ("mnist", 50, 3, {"color", "crop", "scale", "rotate"}),
        ("mnist", 1, 1, None),
        ("svhn", 1, 1, {"color", "crop", "cutout", "scale", "rotate"}),
        ("svhn", 10, 1, None),
        ("svhn", 1, 2, None),
        ("fashion-mnist", 1, 2, None),
    ],
)
def test_the_exceptions_of_idc_and_of_it_alone(dataset: str, ipc: int, factor: int, exception: set[str] | None) -> None:
    data = info(dataset, mirror_ok=False)
    chosen = recipe("idc", data, ipc, factor)
    assert operations(chosen) == (exception or FULL - {"flip"})
    assert chosen.cutmix == (0.5 if exception is None else 0)
    assert recipe("m3d", data, ipc, factor).cutmix == 0.5
    assert operations(recipe("m3d", data, ipc, factor)) == FULL - {"flip", "cutout"}


def test_cifar100_is_normalised_as_each_code_does() -> None:
    data = info("cifar100", mean=(0.5071, 0.4866, 0.4409), std=(0.2673, 0.2564, 0.2762))
    for name in ("idc", "m3d"):
        assert recipe(name, data).mean == (0.4914, 0.4822, 0.4465)
        assert recipe(name, data).std == (0.2023, 0.1994, 0.2010)
    for name in ("dc", "dsa", "short"):
        assert (recipe(name, data).mean, recipe(name, data).std) == (data.mean, data.std)


@pytest.mark.parametrize(
    ("ipc", "factor", "epochs"), [(1, 1, 300), (1, 2, 300), (10, 1, 150), (10, 2, 50), (50, 2, 50)]
)
def test_short_trains_fewer_epochs_on_more_images(ipc: int, factor: int, epochs: int) -> None:
    chosen = recipe("short", ipc=ipc, factor=factor)
    assert (chosen.epochs, chosen.batch_size, chosen.repeats) == (epochs, 64, 3)
    assert chosen.milestones == (2 * epochs // 3, 5 * epochs // 6)


@pytest.mark.parametrize(("ipc", "factor", "epochs"), [(1, 1, 200), (10, 1, 100), (10, 2, 50), (50, 2, 50)])
def test_quick_shows_ten_thousand_images_to_two_networks(ipc: int, factor: int, epochs: int) -> None:
    chosen = recipe("quick", ipc=ipc, factor=factor)
    assert (chosen.epochs, chosen.batch_size, chosen.repeats) == (epochs, 64, 2)
    assert chosen.milestones == (2 * epochs // 3, 5 * epochs // 6)


@pytest.mark.parametrize(
    ("ipc", "factor", "classes", "epochs", "batch_size"),
    [
        (1, 1, 10, 3000, 64),
        (1, 3, 10, 2000, 64),
        (10, 1, 10, 2000, 64),
        (10, 3, 10, 1000, 64),
        (20, 3, 10, 1000, 64),
        (50, 1, 10, 1500, 64),
        (50, 3, 10, 500, 64),
        (100, 3, 10, 300, 64),
        (1, 1, 100, 2000, 128),
        (1, 3, 100, 1300, 128),
        (10, 3, 100, 600, 128),
        (20, 3, 100, 600, 128),
        (50, 3, 100, 300, 128),
    ],
)
def test_idc_imagenet_trains_fewer_epochs_on_more_images(
    ipc: int, factor: int, classes: int, epochs: int, batch_size: int
) -> None:
    data = info_of(made_up_set(classes=classes, per_class=1, channels=3), name="imagenet", mirror_ok=True)
    chosen = recipe("idc-imagenet", data, ipc, factor)
    assert (chosen.epochs, chosen.batch_size) == (epochs, batch_size)
    assert (chosen.lr, chosen.weight_decay) == ((0.1, 1e-4) if classes == 100 else (0.01, 5e-4))
    assert (chosen.milestones, chosen.gamma) == ((2 * epochs // 3, 5 * epochs // 6), 0.2)
    assert (chosen.augmentation, chosen.cutmix, chosen.repeats) == ("imagenet", 1.0, 3)
    assert chosen.best_of == (epochs // 4, epochs // 2, 3 * epochs // 4, epochs)
    assert chosen.mean == (0.485, 0.456, 0.406)
    assert chosen.std == (0.229, 0.224, 0.225)


@pytest.mark.parametrize("data", [info_of(made_up_set(), mirror_ok=True), info(mirror_ok=False)])
def test_idc_imagenet_is_not_for_grey_images_nor_for_digits(data: DatasetInfo) -> None:
    with pytest.raises(RequestError, match="colours and mirrors images, which"):
        recipe("idc-imagenet", data)
