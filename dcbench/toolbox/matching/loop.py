"""The matching loop: move the images of all classes until their features look like those of real images.

A run is made of four parts: a `StepSampler` draws, a `NetworkSource` gives the network, a `Signal` makes features of
both sides, and an `Objective` compares them. `MatchingStep` puts them together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import torch

from dcbench import CondensedSet, RequestError, State
from dcbench.toolbox.augment import Augmentation
from dcbench.toolbox.matching.learnable import LearnableSet, Space, initial_pixels
from dcbench.toolbox.matching.optimiser import MatchingSGD
from dcbench.toolbox.matching.runner import GPURunner, Runner, choose_path, resume_path
from dcbench.toolbox.matching.sampling import RealImages, StepSampler
from dcbench.toolbox.matching.shared_settings import snapshot_steps
from dcbench.toolbox.matching.step import FeatureSignal, MatchingStep, mixes_images
from dcbench.toolbox.pixels import Normaliser

if TYPE_CHECKING:
    from torch import Tensor

    from dcbench import Task
    from dcbench.toolbox.matching.network_sources import NetworkSource
    from dcbench.toolbox.matching.objectives import Objective
    from dcbench.toolbox.matching.runner import StepPath
    from dcbench.toolbox.matching.shared_settings import MatchingSettings

Statistics: TypeAlias = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and standard deviation of a normalisation, one number per channel."""

LOGGED = 100
"""About how many losses a run reports; to read one, the host blocks until the accelerator has finished."""


def match(
    task: Task,
    settings: MatchingSettings,
    *,
    objective: Objective,
    space: Space,
    sequential: bool,
    statistics: Statistics | None = None,
) -> CondensedSet:
    """Condense by matching features of randomly initialised networks, or of networks in a queue that are being trained.

    Each step draws real images of every class, augments the real and the synthetic images of a class with the same
    parameters, embeds both, and moves the synthetic images against the gradient of *objective*, summed over classes.
    All classes go through the network together. This is exact for networks that treat each image by itself. Batch norm
    sees all classes at once, real and synthetic apart, as in the DM code. If the task is for a part of the classes,
    they get the same images that they get among all.

    Args:
        task: gives the data, the budget, networks and random draws.
        settings: how long and how. `MatchingSettings` draw networks at random; with `QueueSettings` networks come from
            a queue in which they are trained, and the class-aware regularisation of IDM is added to the objective.
        objective: what is lowered.
        space: in which space the images are learnt.
        sequential: step class by class, as the M3D code; see `MatchingSGD`.
        statistics: what images are normalised with for the networks; None for those of the dataset.

    Returns:
        the set after the last step. A run resumed from a checkpoint gives the same bits as one without a break.

    Raises:
        RequestError: the task is for a part of the classes, and the network mixes the images of a batch.
    """
    run = Matching(task, settings, objective=objective, space=space, sequential=sequential, statistics=statistics)
    return run.run()


class Matching:
    """A run of `match` that can be advanced step by step, to measure or to watch the steps."""

    def __init__(
        self,
        task: Task,
        settings: MatchingSettings,
        *,
        objective: Objective,
        space: Space,
        sequential: bool,
        statistics: Statistics | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Draw the initial images, or load the last checkpoint. Arguments as in `match`; sums are in *dtype*."""
        self.step = 0
        """Steps done."""
        self._task, self._settings = task, settings
        mean, std = statistics or (task.info.mean, task.info.std)
        normaliser = Normaliser(mean, std, task.device, dtype)
        self.learnable = _learnable(task, settings, space, normaliser)
        self.optimiser = MatchingSGD(
            self.learnable.images,
            lr=settings.lr,
            momentum=settings.momentum,
            sequential=sequential,
            turns=task.classes,
            classes=task.info.classes,
        )
        augmentation = _augmentation(task, settings)
        real = RealImages(task.train, settings.batch_real, normaliser, task.device)
        self._sampler = StepSampler(
            real,
            augmentation,
            size=task.info.shape[-1],
            synthetic=task.ipc * settings.factor**2,
            most=settings.batch_syn_max,
            classes=task.classes,
        )
        self._networks = settings.network_source(task, real, dtype)
        signal = FeatureSignal(real, augmentation, task.chunk, half=task.precision == "bf16")
        step = MatchingStep(self.learnable, self.optimiser, signal, objective, self._networks.term)
        state = task.resume()
        path = choose_path(task, settings.iterations, resident=real.resident)
        self._run = _runner(task, step, augmentation, resume_path(path, (state or {}).get("path")))
        if state is not None:
            self._load_state(state)
        if settings.iterations:
            _refuse_inexact_part(task, settings, self._networks)

    def run(self) -> CondensedSet:
        """Do the remaining steps, report losses, keep snapshots and checkpoints, and return the final set."""
        task, total = self._task, self._settings.iterations
        kept = snapshot_steps(total)
        interval = max(1, total // LOGGED)
        if self.step == 0:
            task.snapshot(0, self._condensed())
        while self.step < total:
            number = self.step + 1
            if number in (1, total) or number % interval == 0:
                task.progress(number, total, loss=self.advance(value=True).item())
            else:
                self.advance()
                task.progress(number, total)
            if number in kept:
                task.snapshot(number, self._condensed())
            task.checkpoint(self._state)
        return self._condensed()

    def advance(self, *, value: bool = False) -> Tensor:
        """Do one step.

        Args:
            value: whether the returned loss must be the whole loss; otherwise terms without gradient may be missing.

        Returns:
            the loss before the step, summed over classes; a scalar on the device.
        """
        loss = self._run(self._networks.at(self.step), self._sampler.draw(self._task.generator), value=value)
        self.step += 1
        return loss

    def _condensed(self) -> CondensedSet:
        return self.learnable.condensed(self._task.classes.start)

    def _state(self) -> State:
        return {
            "step": self.step,
            "images": self.learnable.images.to("cpu", copy=True),
            "momentum": self.optimiser.buffer.to("cpu", copy=True),
            "generator": self._task.generator.get_state(),
            **self._networks.state(),
            **({"path": self._run.path} if self._task.device.type == "cuda" else {}),
        }

    def _load_state(self, state: dict[str, Any]) -> None:
        self.step = int(state["step"])
        self.learnable.images.copy_(state["images"])
        self.optimiser.buffer.copy_(state["momentum"])
        self._task.generator.set_state(state["generator"])
        self._networks.load_state(state)


def _learnable(task: Task, settings: MatchingSettings, space: Space, normaliser: Normaliser) -> LearnableSet:
    """Return the images that matching starts from."""
    pixels = initial_pixels(
        task.train,
        task.ipc,
        init=settings.init,
        factor=settings.factor,
        generator=task.generator,
        classes=task.classes,
    )
    return LearnableSet(pixels.to(task.device), space, settings.factor, normaliser)


def _augmentation(task: Task, settings: MatchingSettings) -> Augmentation:
    augmentation = Augmentation(settings.augmentation, settings.strategy)
    return augmentation if task.info.mirror_ok else augmentation.without("flip")


def _runner(task: Task, step: MatchingStep, augmentation: Augmentation, path: StepPath) -> Runner:
    """Return what runs *step* on the device of *task* by *path*."""
    if task.device.type != "cuda":
        return Runner(step, task)
    return GPURunner(step, task, augmentation, captured=path != "eager", compiled=path == "compiled")


def _refuse_inexact_part(task: Task, settings: MatchingSettings, networks: NetworkSource) -> None:
    if len(task.classes) < task.info.classes and mixes_images(networks.network):
        raise RequestError(
            f"{settings.network} mixes the images of a batch, so classes {task.classes.start}-"
            f"{task.classes.stop - 1} alone would get other images than among all; run it without --classes"
        )
