"""Whole runs on a GPU: eager, captured and compiled steps move images as those on a CPU do. In double precision."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from support.matching_setup import TinyClassifier, tiny_task
from torch import Tensor

from dcbench.toolbox.matching import Matching, MatchingSettings, QueueSettings, gaussian_mmd, linear_mmd, runner

COMMON: dict[str, Any] = {"iterations": 9, "batch_real": 5, "factor": 2, "init": "mix", "batch_syn_max": 6}
SHORT_QUEUE: dict[str, Any] = {"queue_size": 5, "train_steps": 3, "train_batch": 8, "train_lr": 0.1}
STRATEGY = "color_crop_cutout_scale_rotate"
RUNS: dict[str, tuple[MatchingSettings, dict[str, Any]]] = {
    "m3d": (
        MatchingSettings(
            **COMMON, lr=20.0, iterations_per_model=4, augmentation="diffaug", strategy="color_crop_cutout"
        ),
        {"objective": gaussian_mmd, "space": "pixel", "sequential": True},
    ),
    "dm": (
        MatchingSettings(**COMMON, lr=1.0, augmentation="dsa", strategy=STRATEGY),
        {"objective": linear_mmd, "space": "normalised", "sequential": False},
    ),
    "idm": (
        QueueSettings(**COMMON, **SHORT_QUEUE, lr=0.3, iterations_per_model=2, augmentation="dsa", strategy=STRATEGY),
        {"objective": linear_mmd, "space": "normalised", "sequential": True},
    ),
}


def learnt(name: str, device: str = "cpu", *, capture: bool = False) -> Tensor:
    settings, how = RUNS[name]
    task = tiny_task(network=lambda _: TinyClassifier())
    task.device, task.capture = torch.device(device), capture and device == "cuda"
    matching = Matching(task, settings, **how, dtype=torch.float64)
    for step in range(settings.iterations):
        matching.advance(value=step in (0, 7))
    return matching.learnable.images.cpu()


# On the CPU nothing is captured: there it is the test that is tested.
@pytest.mark.parametrize(
    "device",
    ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)],
)
@pytest.mark.parametrize("way", ["eager", "captured", "compiled"])
@pytest.mark.parametrize("name", RUNS)
def test_a_run_moves_the_images_as_on_a_cpu(name: str, way: str, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "WORTH_COMPILING", 0 if way == "compiled" else 1000)
    torch.testing.assert_close(learnt(name, device, capture=way != "eager"), learnt(name), rtol=1e-7, atol=1e-9)
