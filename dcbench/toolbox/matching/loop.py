"""The matching loop: move the images of all classes until their features look like those of real images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from dcbench import CondensedSet, State, derive_seed
from dcbench.toolbox.augment import Augmentation
from dcbench.toolbox.matching.embedding import embed
from dcbench.toolbox.matching.initial import initial_pixels
from dcbench.toolbox.matching.learnable import LearnableSet, Space
from dcbench.toolbox.matching.optimiser import MatchingSGD
from dcbench.toolbox.matching.sampling import RealImages, subsets
from dcbench.toolbox.pixels import Normaliser

if TYPE_CHECKING:
    from torch import Tensor, nn

    from dcbench import Task
    from dcbench.toolbox.matching.kernels import Objective
    from dcbench.toolbox.matching.settings import MatchingSettings

LOGGED = 100
"""About how many losses a run reports; reading one makes an accelerator wait."""


def match(
    task: Task, settings: MatchingSettings, *, objective: Objective, space: Space, sequential: bool
) -> CondensedSet:
    """Condense by matching features of randomly initialised networks.

    Each step draws real images of every class, augments the real and the synthetic images of a class with the same
    parameters, embeds both, and moves the synthetic images against the gradient of *objective*, summed over classes.
    All classes go through the network together: exact for networks that treat each image by itself; batch norm, which
    does not, sees all classes at once, real and synthetic apart, as in the DM code.

    Args:
        task: gives the data, the budget, networks and random draws.
        settings: how long and how.
        objective: what is lowered.
        space: in which space the images are learnt.
        sequential: step class by class, as the M3D code; see `MatchingSGD`.

    Returns:
        the set after the last step. A run resumed from a checkpoint gives the same bits as one without a break.
    """
    return Matching(task, settings, objective=objective, space=space, sequential=sequential).run()


def snapshot_steps(total: int) -> set[int]:
    """Return the steps after which a set is kept: 0, then 10, 20, 50, 100, 200, ... below *total*."""
    return {0} | {
        digit * 10**power for power in range(1, len(str(total))) for digit in (1, 2, 5) if digit * 10**power < total
    }


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
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Draw the initial images, or take up the last checkpoint. Arguments as in `match`; sums are in *dtype*."""
        self.step = 0
        """Steps done."""
        self._task, self._settings, self._objective, self._dtype = task, settings, objective, dtype
        normaliser = Normaliser(task.info.mean, task.info.std, task.device, dtype)
        pixels = initial_pixels(
            task.train, task.ipc, init=settings.init, factor=settings.factor, generator=task.generator
        )
        self.learnable = LearnableSet(pixels.to(task.device), space, settings.factor, normaliser)
        self.optimiser = MatchingSGD(
            self.learnable.images, lr=settings.lr, momentum=settings.momentum, sequential=sequential
        )
        self._real = RealImages(task.train, settings.batch_real, normaliser, task.device)
        self._augmentation = Augmentation(settings.augmentation, settings.strategy)
        if not task.info.mirror_ok:
            self._augmentation = self._augmentation.without("flip")
        self._network: nn.Module | None = None
        state = task.resume()
        if state is not None:
            self._take_up(state)

    def run(self) -> CondensedSet:
        """Do all steps that are left, report and keep what is due, and return the final set."""
        task, total = self._task, self._settings.iterations
        kept = snapshot_steps(total)
        interval = max(1, total // LOGGED)
        if self.step == 0:
            task.snapshot(0, self.learnable.condensed())
        while self.step < total:
            number = self.step + 1
            if number in (1, total) or number % interval == 0:
                task.progress(number, total, loss=self.advance(value=True).item())
            else:
                self.advance()
                task.progress(number, total)
            if number in kept:
                task.snapshot(number, self.learnable.condensed())
            task.checkpoint(self._state)
        return self.learnable.condensed()

    def advance(self, *, value: bool = False) -> Tensor:
        """Do one step.

        Args:
            value: whether the returned loss must be the whole loss; otherwise terms without gradient may be missing.

        Returns:
            the loss before the step, summed over classes; a scalar on the device.
        """
        network = self._network_of_step()
        self.learnable.clamp()
        position = self.optimiser.visit()
        synthetic, real = self._features(network, self.learnable.training_images(position))
        loss = self._objective(synthetic, real, value=value).sum()
        torch.autograd.backward(loss)
        self.optimiser.step()
        self.step += 1
        return loss.detach()

    def _features(self, network: nn.Module, training: Tensor) -> tuple[Tensor, Tensor]:
        """Return features of *training* images (classes, n, C, H, W) and of drawn real ones, each (classes, ., D)."""
        generator, chunk = self._task.generator, self._task.chunk
        real = self._real.draw(generator)
        synthetic = self._subset(training)
        classes, count = synthetic.shape[:2]
        draw = self._augmentation.draw(classes, real.shape[-1], generator, shared_operation=False)
        rows = torch.arange(classes)
        with torch.no_grad():
            shared = draw.index(rows.repeat_interleave(self._real.count))
            real_features = embed(network, self._augmentation.apply(real, shared), chunk)
        shared = draw.index(rows.repeat_interleave(count))
        features = embed(network, self._augmentation.apply(synthetic.flatten(0, 1), shared), chunk)
        return features.reshape(classes, count, -1), real_features.reshape(classes, self._real.count, -1)

    def _subset(self, training: Tensor) -> Tensor:
        classes, total = training.shape[:2]
        most = self._settings.batch_syn_max
        if most == 0 or total <= most:
            return training
        chosen = subsets(classes, total, most, self._task.generator).to(training.device)
        return training[torch.arange(classes, device=training.device).unsqueeze(1), chosen]

    def _network_of_step(self) -> nn.Module:
        index, within = divmod(self.step, self._settings.iterations_per_model)
        if self._network is None or within == 0:
            seed = derive_seed(purpose="matching network", seed=self._task.seed, index=index)
            network = self._task.network(self._settings.network, seed)
            # channels_last: convolution and pooling of large batches run about twice as fast on a CPU
            network = network.to(self._dtype).to(memory_format=torch.channels_last)
            self._network = network.train().requires_grad_(requires_grad=False)
        return self._network

    def _state(self) -> State:
        return {
            "step": self.step,
            "images": self.learnable.images.to("cpu", copy=True),
            "momentum": self.optimiser.buffer.to("cpu", copy=True),
            "generator": self._task.generator.get_state(),
        }

    def _take_up(self, state: dict[str, Any]) -> None:
        self.step = int(state["step"])
        self.learnable.images.copy_(state["images"])
        self.optimiser.buffer.copy_(state["momentum"])
        self._task.generator.set_state(state["generator"])
