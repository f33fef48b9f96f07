"""The random networks of a matching run, one after another in the same tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from dcbench import derive_seed
from dcbench.toolbox.devices import send

if TYPE_CHECKING:
    from torch import nn

    from dcbench import Task


class RandomNetworks:
    """Gives each step its network: freshly initialised every few steps, never trained, in train mode."""

    def __init__(self, task: Task, name: str, *, steps: int, dtype: torch.dtype) -> None:
        """Prepare networks *name*, each for as many *steps*, with weights of type *dtype*."""
        self._task, self._name, self._steps, self._dtype = task, name, steps, dtype
        self._network: nn.Module | None = None
        self._index = -1

    def at(self, step: int) -> nn.Module:
        """Return the network of *step*, counted from 0.

        Each call may change the weights of the network that an earlier one returned: a new network moves into the
        tensors of the old one, so that compiled and captured steps go on working.
        """
        index = step // self._steps
        if self._network is None:
            # channels_last: convolution and pooling of large batches run about twice as fast on a CPU
            network = self._drawn(index).to(self._task.device, self._dtype)
            self._network = network.to(memory_format=torch.channels_last)
        elif index != self._index:
            move_in(self._drawn(index), self._network)
        self._index = index
        return self._network

    def _drawn(self, index: int) -> nn.Module:
        seed = derive_seed(purpose="matching network", seed=self._task.seed, index=index)
        network = self._task.network(self._name, seed, device=torch.device("cpu"))
        return network.train().requires_grad_(requires_grad=False)


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
