"""Names that plug-ins of dcbench 0.1 may use: each still works, and warns with the new one."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest
import torch

from dcbench.toolbox import augment, devices, selection


@pytest.mark.parametrize(
    ("module", "name", "now"),
    [
        ("features", "FeatureSettings", selection.FeatureSettings),
        ("features", "class_features", selection.class_features),
        ("features", "embed", selection.image_features),
        ("features", "feature_network", selection.feature_network),
        ("features", "recommended", selection.recommended),
        ("features", "recommended_origins", selection.recommended_origins),
        ("memory", "fits", devices.fits),
        ("memory", "halving", devices.retry_with_smaller_chunk),
        ("memory", "RESIDENT_SHARE", devices.RESIDENT_SHARE),
        ("devices", "send", devices.to_device_async),
    ],
)
def test_an_old_name_of_a_module_is_the_new_one(module: str, name: str, now: object) -> None:
    with pytest.warns(DeprecationWarning, match=f"dcbench.toolbox.{module}.{name} is now dcbench.toolbox."):
        assert getattr(import_module(f"dcbench.toolbox.{module}"), name) is now


def test_an_import_statement_finds_the_module_and_warns_where_it_stands() -> None:
    code = "from dcbench.toolbox.features import FeatureSettings\nfrom dcbench.toolbox.memory import halving"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    warned = [line for line in answer.stderr.splitlines() if "DeprecationWarning" in line]
    assert len(warned) == 2
    assert warned[0].startswith("<string>:1: ")
    assert "features.FeatureSettings is now dcbench.toolbox.selection.features.FeatureSettings" in warned[0]


@pytest.mark.parametrize(
    "strategy",
    [
        augment.Augmentation("dsa", "crop_scale"),
        augment.DCAugmentation("crop_scale"),
        augment.ImageNetAugmentation((0.5,) * 3, (0.2,) * 3),
    ],
    ids=lambda strategy: type(strategy).__name__,
)
def test_augmentations_have_their_old_methods(strategy: augment.Augmentation) -> None:
    images, options = torch.rand(2, 3, 8, 8), {"shared_operation": False}
    generator = torch.Generator().manual_seed(0)
    draw = strategy.draw(2, 8, generator, **(options if isinstance(strategy, augment.Augmentation) else {}))
    with pytest.warns(DeprecationWarning, match=r"settle is now .*as_tensors"):
        parameters = strategy.settle(draw)
    with pytest.warns(DeprecationWarning, match=r"apply_settled is now .*apply_tensors"):
        assert torch.equal(strategy.apply_settled(images, parameters), strategy.apply_tensors(images, parameters))


def test_cutmix_and_draws_have_their_old_methods() -> None:
    images = torch.rand(2, 3, 8, 8)
    with pytest.warns(DeprecationWarning, match=r"CutMix.settle is now CutMix.as_tensors"):
        partners, box, _ = augment.CutMix(1.0).settle(None, 2)
    with pytest.warns(DeprecationWarning, match=r"CutMix.apply_settled is now CutMix.apply_tensors"):
        assert torch.equal(augment.CutMix.apply_settled(images, partners, box), images)
    draw = augment.Augmentation("dsa", "crop").draw(2, 8, torch.Generator(), shared_operation=False)
    with pytest.warns(DeprecationWarning, match=r"Draw.settled is now Draw.as_tensors"):
        assert torch.equal(draw.settled(()), draw.as_tensors(()))
