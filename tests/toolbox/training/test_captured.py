"""Steps captured in CUDA graphs; what they compute is tested on every machine, in `test_lockstep`."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from training_setup import RECIPES, data, network_of, seeded

from dcbench.toolbox.training import train, train_side_by_side

pytestmark = pytest.mark.skipif(torch.cuda.device_count() == 0, reason="needs a GPU")


@pytest.mark.parametrize("batch_norm", [False, True], ids=["plain", "batch norm"])
@pytest.mark.parametrize("name", RECIPES)
def test_every_network_is_trained_as_alone(name: str, batch_norm: bool) -> None:
    recipe = RECIPES[name].changed({"batch_size": 4})
    networks: list[nn.Module] = [network_of(number, batch_norm=batch_norm).cuda() for number in range(3)]
    done: list[tuple[int, int]] = []
    train_side_by_side(
        networks,
        *data(),
        recipe,
        generators=[seeded(number) for number in range(3)],
        after_epoch=lambda number, epoch: done.append((number, epoch)),
        capture=True,
    )
    assert done == [(number, epoch) for epoch in range(1, recipe.epochs + 1) for number in range(3)]
    for number, network in enumerate(networks):
        alone = network_of(number, batch_norm=batch_norm).cuda()
        train(alone, *data(), recipe, generator=seeded(number))
        for key, tensor in alone.state_dict().items():
            torch.testing.assert_close(network.state_dict()[key], tensor, rtol=1e-8, atol=1e-10)
