from __future__ import annotations

import torch
from fakes import MemoryTask, info_of, made_up_set
from torch import nn

from dcbench.toolbox.matching.network_sources import RandomNetworks, load_weights_
from dcbench.toolbox.networks import ResNet


def networks(steps: int = 2) -> RandomNetworks:
    train = made_up_set()
    task = MemoryTask(train, info_of(train), network=lambda _: nn.Conv2d(1, 3, 3))
    return RandomNetworks(task, "any", steps=steps, dtype=torch.float64)


def test_a_network_lasts_for_its_steps_and_the_next_one_is_loaded_into_its_tensors() -> None:
    given = networks(steps=2)
    first = given.at(0)
    weights = first.weight.clone()
    assert given.at(1) is first
    assert torch.equal(given.at(1).weight, weights)
    address = first.weight.data_ptr()
    assert given.at(2) is first
    assert first.weight.data_ptr() == address
    assert not torch.equal(first.weight, weights)


def test_a_run_that_starts_later_gets_the_networks_of_its_steps() -> None:
    whole = [networks_of.weight.clone() for given in [networks(2)] for networks_of in map(given.at, range(6))]
    assert torch.equal(networks(2).at(4).weight, whole[5])
    assert not torch.equal(whole[1], whole[2])


def test_networks_are_frozen_and_in_train_mode() -> None:
    network = networks().at(0)
    assert network.training
    assert not any(weight.requires_grad for weight in network.parameters())
    assert network.weight.dtype == torch.float64


def test_all_weights_are_loaded_running_statistics_too() -> None:
    torch.manual_seed(0)
    old, new = (ResNet((3, 16, 16), 4, width=4, norm="batch") for _ in range(2))
    old(torch.randn(5, 3, 16, 16))
    expected = {name: tensor.clone() for name, tensor in new.state_dict().items()}
    load_weights_(old, new)
    for name, tensor in old.state_dict().items():
        assert torch.equal(tensor, expected[name]), name
