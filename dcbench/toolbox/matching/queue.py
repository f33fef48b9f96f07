"""The queue of partly trained networks that IDM matches under (Zhao et al., CVPR 2023)."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from dcbench.toolbox.devices import CapturedStep, send
from dcbench.toolbox.matching.networks import NetworkSource, move_in, on_device, random_network
from dcbench.toolbox.training.static import StaticSGD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from dcbench import Task
    from dcbench.toolbox.matching.sampling import RealImages
    from dcbench.toolbox.matching.settings import QueueSettings

FIRST = 3
"""Random networks that are in the queue before the first step, at which one more joins: as in the published code."""


class NetworkQueue(NetworkSource):
    """Gives each step a network drawn from a queue, in eval mode, and trains some of the queue after each step.

    Every few steps a random network joins the queue, and if that is full the oldest leaves. Networks are trained on
    batches of real images of all classes, whichever of them are condensed, so that a part of the classes is matched
    under the very networks that all would be. The training that belongs to a step is done when the next one begins.

    All tensors of the queue are allocated at the start, two numbers for each weight: 100 ConvNet-3 for CIFAR-10
    (320,010 weights) take 256 MB in float32. A network is copied from there into one fixed module to be matched and
    into another to be trained, so that both can be captured in CUDA graphs.
    """

    def __init__(self, task: Task, settings: QueueSettings, real: RealImages, *, dtype: torch.dtype) -> None:
        """Make room for the networks.

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
        self._optimiser = StaticSGD(list(self._trained.parameters()), recipe)
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
        """() Accuracy in percent of the network of the last step over the batches that it was trained on since
        accuracies were last counted anew; 0 if there were none."""

    def at(self, step: int) -> nn.Module:
        """Train what *step* - 1 left to train, let new networks join, and return the network drawn for *step*."""
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

    def take_up(self, state: dict[str, Any]) -> None:
        """See `NetworkSource.take_up`."""
        for place, rows in enumerate(self._slots.rows):
            rows.copy_(state[f"queue.{place}"])

    def _joined(self, step: int) -> int:
        """Return how many networks have joined when *step* is matched."""
        return FIRST + 1 + step // self._settings.iterations_per_model

    def _length(self, step: int) -> int:
        return min(self._joined(step), len(self._slots))

    def _slot(self, step: int, place: int) -> int:
        """Return where the network lies that is the *place*-th of the queue at *step*, counted from the oldest."""
        return (self._joined(step) - self._length(step) + place) % len(self._slots)

    def _join(self, index: int) -> None:
        move_in(random_network(self._task, self._settings.network, index), self._trained)
        self._optimiser.forget()
        torch._foreach_zero_([self._correct, self._seen])
        self._slots.save(index % len(self._slots))

    @torch.no_grad()
    def _draw(self, slot: int) -> None:
        """Move the network in *slot* into the one that is matched."""
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
        return send(torch.stack(batches), self._task.device)

    def _train_batch(self) -> None:
        labels = self._labels[self._batch]
        logits = self._trained(self._real.take(self._batch))
        self._optimiser.step(functional.cross_entropy(logits, labels), self._lr)
        self._correct.add_((logits.argmax(1) == labels).sum())
        self._seen.add_(len(labels))


class _Slots:
    """Room for the tensors of several networks. The one that is worked on has its tensors elsewhere."""

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
