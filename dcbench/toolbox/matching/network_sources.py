"""Where the networks of a matching run come from: drawn at random, or from a queue in which they are trained.

A source hands out one module, always the same, and changes its weights in place. So a step that was compiled, or
captured in a CUDA graph, stays valid from one network to the next.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from dcbench import derive_seed
from dcbench.toolbox.devices import CapturedStep, to_device_async
from dcbench.toolbox.matching.objectives import ClassAwareRegularisation
from dcbench.toolbox.training.graph_safe import GraphSafeSGD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from dcbench import Task
    from dcbench.toolbox.matching.objectives import Term
    from dcbench.toolbox.matching.sampling import RealImages
    from dcbench.toolbox.matching.shared_settings import QueueSettings

FIRST = 3
"""Random networks that are in the queue before the first step, at which one more joins: as in the published code."""


class NetworkSource(ABC):
    """Gives each step its network."""

    network: nn.Module
    """The module that every step gets."""
    term: Term | None = None
    """What the source adds to the objective, if anything."""

    @abstractmethod
    def at(self, step: int) -> nn.Module:
        """Return `network` with the weights of *step*, counted from 0; called once for each step, in order."""

    def state(self) -> dict[str, Tensor]:
        """Return what a resumed run cannot derive from the task and the number of steps, under flat names."""
        return {}

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue from *state*, which may hold other names too."""


class RandomNetworks(NetworkSource):
    """Freshly initialised every few steps, never trained, in train mode."""

    def __init__(self, task: Task, name: str, *, steps: int, dtype: torch.dtype) -> None:
        """Prepare networks *name*, each for *steps* steps, with weights of type *dtype*."""
        self._task, self._name, self._steps = task, name, steps
        self._index = 0
        self.network = on_device(random_network(task, name, 0), task.device, dtype)

    def at(self, step: int) -> nn.Module:
        """Return `network`, freshly initialised if a new one is due; steps may come in any order."""
        index = step // self._steps
        if index != self._index:
            load_weights_(self.network, random_network(self._task, self._name, index))
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
def load_weights_(target: nn.Module, source: nn.Module) -> None:
    """Copy all parameters and buffers of *source*, on the CPU, into those of *target*, on any device.

    All floating tensors go as one block: one copy to a GPU instead of one for each tensor, and the host does not block.
    """
    old, new = target.state_dict(), source.state_dict()
    floating = [name for name, tensor in new.items() if tensor.is_floating_point()]
    device = next(iter(old.values())).device
    block = to_device_async(torch.cat([new[name].flatten() for name in floating]), device)
    parts = torch.split(block, [new[name].numel() for name in floating])
    torch._foreach_copy_(
        [old[name] for name in floating], [part.view_as(new[name]) for name, part in zip(floating, parts, strict=True)]
    )
    for name in new.keys() - set(floating):
        old[name].copy_(to_device_async(new[name], device))


class NetworkQueue(NetworkSource):
    """The queue of partly trained networks of IDM (Zhao et al., CVPR 2023): each step draws one, in eval mode.

    Every few steps a random network joins the queue; when the queue is full the oldest leaves. After each step a few
    networks of the queue are trained, on batches of real images of all classes, whichever are condensed. So a part of
    the classes is matched under the networks that all would be matched under. The training that belongs to a step
    happens when the next step begins.

    All tensors of the queue are allocated at the start, two numbers for each weight: 100 ConvNet-3 for CIFAR-10
    (320,010 weights) take 256 MB in float32. A network is copied from there into one fixed module to be matched and
    into another to be trained, so that both steps can be captured in CUDA graphs.
    """

    def __init__(self, task: Task, settings: QueueSettings, real: RealImages, *, dtype: torch.dtype) -> None:
        """Allocate the networks.

        Args:
            task: gives networks, labels and random draws.
            settings: how large the queue is, and how its networks are trained.
            real: the training images.
            dtype: in which the networks are kept and trained.
        """
        self._task, self._settings, self._real = task, settings, real
        self._labels = task.train.labels.to(task.device)
        self._trained = on_device(random_network(task, settings.network, 0), task.device, dtype)
        self.network = copy.deepcopy(self._trained).eval()
        self._trained.requires_grad_()
        recipe = settings.recipe(task.info)
        self._optimiser = GraphSafeSGD(list(self._trained.parameters()), recipe)
        self._lr = torch.tensor(recipe.lr, dtype=dtype, device=task.device)
        self._batch = torch.zeros(min(recipe.batch_size, len(self._labels)), dtype=torch.int64, device=task.device)
        self._correct, self._seen = torch.zeros(2, dtype=torch.int64, device=task.device)
        self._slots = _Slots(
            [*_tensors(self._trained), *self._optimiser.momentum, self._correct, self._seen],
            min(settings.queue_size, self._joined(max(0, settings.iterations - 1))),
        )
        captured = task.capture and real.resident
        self._learn = CapturedStep(self._train_batch, task.device) if captured else self._train_batch
        self.accuracy = torch.zeros((), dtype=dtype, device=task.device)
        """() Accuracy in percent of the network of the last step, over the batches that it was trained on since the
        counts were last set to zero; 0 if there were none."""
        self.term = ClassAwareRegularisation(settings.ce_weight, self.accuracy, task.classes)

    def at(self, step: int) -> nn.Module:
        """Do the training that belongs to *step* - 1, let new networks join, and return the network of *step*."""
        if step:
            self._train_some(step - 1)
        window = self._settings.accuracy_window
        if window and step % window == 0:
            torch._foreach_zero_(self._slots.rows[-2:])
        for index in range(self._joined(step - 1) if step else 0, self._joined(step)):
            self._join(index)
        place = int(torch.randint(self._length(step), (), generator=self._task.generator))
        self._draw(self._slot(step, place))
        return self.network

    def state(self) -> dict[str, Tensor]:
        """Return weights, momentum and counts of all networks, (networks, ...) each."""
        return {f"queue.{place}": rows.to("cpu", copy=True) for place, rows in enumerate(self._slots.rows)}

    def load_state(self, state: dict[str, Any]) -> None:
        """See `NetworkSource.load_state`."""
        for place, rows in enumerate(self._slots.rows):
            rows.copy_(state[f"queue.{place}"])

    def _joined(self, step: int) -> int:
        """Return how many networks have joined when *step* is matched."""
        return FIRST + 1 + step // self._settings.iterations_per_model

    def _length(self, step: int) -> int:
        return min(self._joined(step), len(self._slots))

    def _slot(self, step: int, place: int) -> int:
        """Return the slot of the *place*-th network of the queue at *step*, counted from the oldest."""
        return (self._joined(step) - self._length(step) + place) % len(self._slots)

    def _join(self, index: int) -> None:
        load_weights_(self._trained, random_network(self._task, self._settings.network, index))
        self._optimiser.reset()
        torch._foreach_zero_([self._correct, self._seen])
        self._slots.save(index % len(self._slots))

    @torch.no_grad()
    def _draw(self, slot: int) -> None:
        """Copy the network in *slot* into the one that is matched."""
        *kept, correct, seen = self._slots.row(slot)
        matched = _tensors(self.network)
        torch._foreach_copy_(matched, kept[: len(matched)])
        self.accuracy.copy_(correct).mul_(100).div_(seen.clamp_min(1))

    def _train_some(self, step: int) -> None:
        """Train the networks that are drawn after *step*."""
        generator, settings = self._task.generator, self._settings
        drawn = torch.randperm(self._length(step), generator=generator)[: settings.networks_trained]
        for place in drawn.tolist():
            slot = self._slot(step, place)
            self._slots.load(slot)
            for rows in self._batches(generator):
                self._batch.copy_(rows)
                self._learn()
            self._slots.save(slot)

    def _batches(self, generator: torch.Generator) -> Tensor:
        """Draw the rows of all batches of a network, (steps, batch); different images within each batch."""
        batches = [
            torch.randperm(len(self._labels), generator=generator)[: len(self._batch)]
            for _ in range(self._settings.train_steps)
        ]
        return to_device_async(torch.stack(batches), self._task.device)

    def _train_batch(self) -> None:
        labels = self._labels[self._batch]
        logits = self._trained(self._real.take(self._batch))
        self._optimiser.step(functional.cross_entropy(logits, labels), self._lr)
        self._correct.add_((logits.argmax(1) == labels).sum())
        self._seen.add_(len(labels))


class _Slots:
    """Storage for the tensors of several networks. The network in work has its tensors elsewhere."""

    def __init__(self, working: Sequence[Tensor], count: int) -> None:
        """Make *count* slots for the *working* tensors, which `load` and `save` copy to and from."""
        self._working = list(working)
        self.rows = [tensor.new_zeros((count, *tensor.shape)) for tensor in working]
        """(slots, ...) for each working tensor."""

    def __len__(self) -> int:
        return len(self.rows[0])

    def row(self, slot: int) -> list[Tensor]:
        return [rows[slot] for rows in self.rows]

    def load(self, slot: int) -> None:
        torch._foreach_copy_(self._working, self.row(slot))

    def save(self, slot: int) -> None:
        torch._foreach_copy_(self.row(slot), self._working)


def _tensors(network: nn.Module) -> list[Tensor]:
    return [tensor.detach() for tensor in (*network.parameters(), *network.buffers())]
