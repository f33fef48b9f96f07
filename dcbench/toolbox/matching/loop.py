"""The matching loop: move the images of all classes until their features look like those of real images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import torch

from dcbench import CondensedSet, RequestError, State
from dcbench.toolbox.augment import Augmentation
from dcbench.toolbox.matching.draws import Drawer
from dcbench.toolbox.matching.embedding import mixes_images
from dcbench.toolbox.matching.initial import initial_pixels
from dcbench.toolbox.matching.learnable import LearnableSet, Space
from dcbench.toolbox.matching.matched_features import MatchedFeatures
from dcbench.toolbox.matching.networks import NetworkSource, RandomNetworks
from dcbench.toolbox.matching.optimiser import MatchingSGD
from dcbench.toolbox.matching.queue import NetworkQueue
from dcbench.toolbox.matching.regularisation import ClassAwareRegularisation
from dcbench.toolbox.matching.runner import GPURunner, Runner
from dcbench.toolbox.matching.sampling import RealImages
from dcbench.toolbox.matching.settings import QueueSettings
from dcbench.toolbox.matching.snapshots import snapshot_steps
from dcbench.toolbox.matching.step import MatchingStep
from dcbench.toolbox.pixels import Normaliser

if TYPE_CHECKING:
    from torch import Tensor

    from dcbench import Task
    from dcbench.toolbox.matching.kernels import Objective
    from dcbench.toolbox.matching.settings import MatchingSettings

Statistics: TypeAlias = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and standard deviation of a normalisation, a number for each channel."""

LOGGED = 100
"""About how many losses a run reports; reading one makes an accelerator wait."""

WORTH_COMPILING = 500
"""Steps from which on compiling a network for a GPU, some tens of seconds, may pay."""


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
    All classes go through the network together: exact for networks that treat each image by itself; batch norm, which
    does not, sees all classes at once, real and synthetic apart, as in the DM code. Where the task asks for a part of
    the classes, they get the very images that they would get among all.

    Args:
        task: gives the data, the budget, networks and random draws.
        settings: how long and how; with `QueueSettings` networks come from a `NetworkQueue`, and
            `ClassAwareRegularisation` joins the objective.
        objective: what is lowered.
        space: in which space the images are learnt.
        sequential: step class by class, as the M3D code; see `MatchingSGD`.
        statistics: what images are normalised with for the networks; None for those of the dataset.

    Returns:
        the set after the last step. A run resumed from a checkpoint gives the same bits as one without a break.

    Raises:
        RequestError: a part of the classes is asked for, and the network mixes the images of a batch.
    """
    run = Matching(task, settings, objective=objective, space=space, sequential=sequential, statistics=statistics)
    return run.run()


class Matching:
    """A run of `match`, step by step. For use where the steps themselves are of interest."""

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
        """Draw the initial images, or take up the last checkpoint. Arguments as in `match`; sums are in *dtype*."""
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
        self._drawer = Drawer(
            real,
            augmentation,
            size=task.info.shape[-1],
            synthetic=task.ipc * settings.factor**2,
            most=settings.batch_syn_max,
            classes=task.classes,
        )
        self._networks, regularisation = _networks(task, settings, real, dtype)
        features = MatchedFeatures(real, augmentation, task.chunk, half=task.precision == "bf16")
        step = MatchingStep(self.learnable, self.optimiser, features, objective, regularisation)
        self._run = _runner(task, settings, step, augmentation, resident=real.resident)
        state = task.resume()
        if state is not None:
            self._take_up(state)
        if settings.iterations:
            _refuse_part_that_is_not_exact(task, settings, self._networks)

    def run(self) -> CondensedSet:
        """Do all steps that are left, report and keep what is due, and return the final set."""
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
        loss = self._run(self._networks.at(self.step), self._drawer.draw(self._task.generator), value=value)
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
        }

    def _take_up(self, state: dict[str, Any]) -> None:
        self.step = int(state["step"])
        self.learnable.images.copy_(state["images"])
        self.optimiser.buffer.copy_(state["momentum"])
        self._task.generator.set_state(state["generator"])
        self._networks.take_up(state)


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


def _runner(
    task: Task, settings: MatchingSettings, step: MatchingStep, augmentation: Augmentation, *, resident: bool
) -> Runner:
    """Return what runs *step* best on the device of *task*."""
    if task.device.type != "cuda":
        return Runner(step, task)
    captured = task.capture and resident
    compiled = captured and settings.iterations >= WORTH_COMPILING
    return GPURunner(step, task, augmentation, captured=captured, compiled=compiled)


def _refuse_part_that_is_not_exact(task: Task, settings: MatchingSettings, networks: NetworkSource) -> None:
    if len(task.classes) < task.info.classes and mixes_images(networks.network):
        raise RequestError(
            f"{settings.network} mixes the images of a batch, so classes {task.classes.start}-"
            f"{task.classes.stop - 1} alone would not get what they get among all; run it without --classes"
        )


def _networks(
    task: Task, settings: MatchingSettings, real: RealImages, dtype: torch.dtype
) -> tuple[NetworkSource, ClassAwareRegularisation | None]:
    """Return where the networks come from, and what they add to the objective."""
    if not isinstance(settings, QueueSettings):
        return RandomNetworks(task, settings.network, steps=settings.iterations_per_model, dtype=dtype), None
    queue = NetworkQueue(task, settings, real, dtype=dtype)
    return queue, ClassAwareRegularisation(settings.ce_weight, queue.accuracy, task.classes)
