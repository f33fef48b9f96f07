"""Training several networks on one condensed set at the same time."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import nn

from dcbench.toolbox.training.captured import capture_steps
from dcbench.toolbox.training.lockstep import Lockstep
from dcbench.toolbox.training.threads import Stopped, run_in_threads
from dcbench.toolbox.training.trainer import train

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from threading import Event

    from torch import Tensor

    from dcbench.api.protocol import TrainingRecipe


def train_side_by_side(
    networks: Sequence[nn.Module],
    images: Tensor,
    labels: Tensor,
    recipe: TrainingRecipe,
    *,
    generators: Sequence[torch.Generator],
    after_epoch: Callable[[int, int], None],
    capture: bool = False,
) -> None:
    """Train *networks* in place, each as `train` does alone, with the same draws.

    On a CPU every network trains on one thread, ``torch.get_num_threads()`` networks at a time: small batches share
    badly between threads, and results then do not depend on how many there are. On a GPU, if *capture* allows it, one
    step of every network is captured in one CUDA graph. Networks with dropout, whose masks come from torch's global
    generators, train one after another.

    Args:
        networks: of one architecture, device and type; each maps (N, C, H, W) to logits (N, classes).
        images: as for `train`; a captured training keeps them on the GPU.
        labels: as for `train`.
        recipe: everything else.
        generators: one for each network, on the CPU.
        after_epoch: called with the place of a network in *networks* and the number of epochs that it has done. On a
            CPU it is called from several threads, but for each network from one.
        capture: whether steps may be captured.

    Raises:
        ValueError: there are no images, or not as many labels, or not as many generators as networks.
    """
    if len(networks) != len(generators):
        raise ValueError(f"{len(networks)} networks cannot train with {len(generators)} generators")
    trainees = [
        _Trainee(number, network, generator)
        for number, (network, generator) in enumerate(zip(networks, generators, strict=True))
    ]
    training = _Training(trainees, images, labels, recipe, after_epoch)
    device = next(networks[0].parameters()).device
    alone = any(map(_has_dropout, networks))
    if device.type == "cpu":
        training.in_threads(1 if alone else torch.get_num_threads())
    elif capture and not alone:
        with torch.cuda.device(device):
            training.captured()
    else:
        training.one_after_another()


def _has_dropout(network: nn.Module) -> bool:
    return any(isinstance(module, nn.modules.dropout._DropoutNd) for module in network.modules())


@dataclass(frozen=True, eq=False)
class _Trainee:
    number: int
    network: nn.Module
    generator: torch.Generator


@dataclass(frozen=True, eq=False)
class _Training:
    """What is to be trained, and the ways to do it."""

    trainees: Sequence[_Trainee]
    images: Tensor
    labels: Tensor
    recipe: TrainingRecipe
    after_epoch: Callable[[int, int], None]

    def one_after_another(self) -> None:
        for trainee in self.trainees:
            self._train(trainee)

    def in_threads(self, at_once: int) -> None:
        run_in_threads([partial(self._train, trainee) for trainee in self.trainees], at_once)

    def _train(self, trainee: _Trainee, stop: Event | None = None) -> None:
        def epoch_done(epoch: int) -> None:
            if stop is not None and stop.is_set():
                raise Stopped
            self.after_epoch(trainee.number, epoch)

        train(
            trainee.network,
            self.images,
            self.labels,
            self.recipe,
            generator=trainee.generator,
            after_epoch=epoch_done,
        )

    def captured(self) -> None:
        """Train in lockstep by replaying graphs: in two halves if memory is short, eagerly if capturing fails."""
        lockstep = self._lockstep()
        try:
            advance = capture_steps(lockstep)
        except torch.OutOfMemoryError:
            if len(self.trainees) == 1:
                raise
        except RuntimeError as error:
            warnings.warn(f"training one network after another, for a step was not captured: {error}", stacklevel=3)
            self.one_after_another()
            return
        else:
            lockstep.run(advance, self._all_done)
            return
        # Here, not in the handler: the exception holds on to the memory of what failed.
        del lockstep
        middle = len(self.trainees) // 2
        for half in (self.trainees[:middle], self.trainees[middle:]):
            replace(self, trainees=half).captured()

    def _lockstep(self) -> Lockstep:
        networks = [trainee.network for trainee in self.trainees]
        generators = [trainee.generator for trainee in self.trainees]
        return Lockstep(networks, self.images, self.labels, self.recipe, generators)

    def _all_done(self, epoch: int) -> None:
        for trainee in self.trainees:
            self.after_epoch(trainee.number, epoch)
