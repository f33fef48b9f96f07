"""Where the networks of a matching run come from, one after another in the same tensors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import torch

from dcbench import derive_seed
from dcbench.toolbox.devices import send

if TYPE_CHECKING:
    from torch import Tensor, nn

    from dcbench import Task


class NetworkSource(ABC):
    """Gives each step its network."""

    network: nn.Module
    """The module that steps are given: always the same, so that compiled and captured steps go on working."""

    @abstractmethod
    def at(self, step: int) -> nn.Module:
        """Return `network` with the weights of *step*, counted from 0; called once for each step, in order."""

    def state(self) -> dict[str, Tensor]:
        """Return what a run that is resumed after the last step cannot know otherwise, under flat names."""
        return {}

    def take_up(self, state: dict[str, Any]) -> None:
        """Go on from *state*, which may hold other names too."""


class RandomNetworks(NetworkSource):
    """Freshly initialised every few steps, never trained, in train mode."""

    def __init__(self, task: Task, name: str, *, steps: int, dtype: torch.dtype) -> None:
        """Prepare networks *name*, each for as many *steps*, with weights of type *dtype*."""
        self._task, self._name, self._steps = task, name, steps
        self._index = 0
        self.network = on_device(random_network(task, name, 0), task.device, dtype)

    def at(self, step: int) -> nn.Module:
        """Return `network`, freshly initialised if a new one is due; any order of steps will do."""
        index = step // self._steps
        if index != self._index:
            move_in(random_network(self._task, self._name, index), self.network)
        self._index = index
        return self.network


def random_network(task: Task, name: str, index: int) -> nn.Module:
    """Return the random network *name* with the number *index* of a run: on the CPU, frozen, in train mode."""
    seed = derive_seed(purpose="matching network", seed=task.seed, index=index)
    return task.network(name, seed, device=torch.device("cpu")).train().requires_grad_(requires_grad=False)


def on_device(network: nn.Module, device: torch.device, dtype: torch.dtype) -> nn.Module:
    """Return *network* itself, moved to *device* with weights of type *dtype*."""
    # channels_last: convolution and pooling of large batches run about twice as fast on a CPU
    return network.to(device, dtype).to(memory_format=torch.channels_last)


@torch.no_grad()
def move_in(source: nn.Module, target: nn.Module) -> None:
    """Copy all parameters and buffers of *source*, on the CPU, into those of *target*, wherever that is.

    They travel as one block; a GPU is not waited for.
    """
    old, new = target.state_dict(), source.state_dict()
    floating = [name for name, tensor in new.items() if tensor.is_floating_point()]
    device = next(iter(old.values())).device
    block = send(torch.cat([new[name].flatten() for name in floating]), device)
    parts = torch.split(block, [new[name].numel() for name in floating])
    torch._foreach_copy_(
        [old[name] for name in floating], [part.view_as(new[name]) for name, part in zip(floating, parts, strict=True)]
    )
    for name in new.keys() - set(floating):
        old[name].copy_(send(new[name], device))
