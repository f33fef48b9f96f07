"""Whole runs on a GPU: eager, captured and compiled steps move images as those on a CPU do. In double precision."""

from __future__ import annotations

import pytest
import torch
from support.matching_setup import MATCHED, TinyClassifier, tiny_task
from torch import Tensor

from dcbench.toolbox.matching import Matching, runner


def learnt(name: str, device: str = "cpu", *, capture: bool = False) -> Tensor:
    settings, how = MATCHED[name]
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
@pytest.mark.parametrize("name", MATCHED)
def test_a_run_moves_the_images_as_on_a_cpu(name: str, way: str, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "WORTH_COMPILING", 0 if way == "compiled" else 1000)
    torch.testing.assert_close(learnt(name, device, capture=way != "eager"), learnt(name), rtol=1e-7, atol=1e-9)
