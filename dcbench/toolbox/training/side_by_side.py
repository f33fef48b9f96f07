"""Training several networks on one condensed set at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import partial
from threading import Event
from typing import TYPE_CHECKING

import torch
from torch import nn

from dcbench.api.errors import CaptureFailedError
from dcbench.api.ran import ran
from dcbench.toolbox.devices import first_line
from dcbench.toolbox.training.ensemble import Ensemble
from dcbench.toolbox.training.trainer import train

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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

    On a CPU every network trains on one thread, ``torch.get_num_threads()`` networks at a time: small batches gain
    little from several threads, and so results do not depend on the number of threads. On a GPU, if *capture* allows
    it, one step of every network is captured in one CUDA graph. Networks with dropout train one after another, because
    their masks come from torch's global generators.

    Args:
        networks: of one architecture, device and type; each maps (N, C, H, W) to logits (N, classes).
        images: as for `train`; a captured training keeps them on the GPU.
        labels: as for `train`.
        recipe: everything else.
        generators: one for each network, on the CPU.
        after_epoch: called with the position of a network in *networks* and the number of epochs that it has done. On
            a CPU it is called from several threads, but for each network from one.
        capture: whether steps may be captured.

    Raises:
        ValueError: there are no images, or the numbers of images and labels, or of networks and generators, differ.
        CaptureFailedError: a step cannot be captured; work on the GPU must go on in another process.
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
    """A training of several networks, and the ways to run it."""

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
        """Train as an ensemble by replaying graphs, in two halves if memory is short."""
        ensemble: Ensemble | None = None
        try:
            ensemble = self._ensemble()  # moves the images to the GPU, so that it too may run out of memory
            advance = ensemble.captured()
        except torch.OutOfMemoryError:
            if len(self.trainees) == 1:
                raise
        except RuntimeError as error:
            text = f"a training step cannot be captured in a CUDA graph: {first_line(error)}"
            raise CaptureFailedError(text) from error
        else:
            ran().captured = True
            ensemble.run(advance, self._all_done)
            return
        # Outside of the handler: while the exception is alive, its traceback holds the memory of the failed attempt.
        del ensemble
        middle = len(self.trainees) // 2
        for half in (self.trainees[:middle], self.trainees[middle:]):
            replace(self, trainees=half).captured()

    def _ensemble(self) -> Ensemble:
        networks = [trainee.network for trainee in self.trainees]
        generators = [trainee.generator for trainee in self.trainees]
        return Ensemble(networks, self.images, self.labels, self.recipe, generators)

    def _all_done(self, epoch: int) -> None:
        for trainee in self.trainees:
            self.after_epoch(trainee.number, epoch)


class Stopped(Exception):  # noqa: N818  (not an error: it only ends a job early)
    """Raised by a job that found *stop* set."""


def run_in_threads(jobs: Sequence[Callable[[Event], None]], at_once: int) -> None:
    """Run *jobs*, each with one intra-op thread; torch lets other threads of Python run during an operation.

    Args:
        jobs: called with an event. Once it is set a job should end soon, by raising `Stopped`.
        at_once: how many run at the same time.

    Raises:
        BaseException: the first that a job raises; the other jobs are stopped before.
    """
    before, stop = torch.get_num_threads(), Event()
    try:
        with ThreadPoolExecutor(at_once, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            running = [pool.submit(job, stop) for job in jobs]
            try:
                for done in as_completed(running):
                    done.result()
            except BaseException:
                stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    finally:
        # torch keeps the number for each thread, but a new thread starts with the number that was set last anywhere.
        torch.set_num_threads(before)
