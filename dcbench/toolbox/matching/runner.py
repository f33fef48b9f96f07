"""Running matching steps: within the memory there is, and on a GPU without waiting for it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, cast

import torch

from dcbench.toolbox.devices import CapturedStep
from dcbench.toolbox.memory import halving

if TYPE_CHECKING:
    from torch import Tensor, nn

    from dcbench import Task
    from dcbench.toolbox.augment import Augmentation
    from dcbench.toolbox.matching.draws import Draws
    from dcbench.toolbox.matching.embedding import Forward
    from dcbench.toolbox.matching.step import MatchingStep


class Runner:
    """Runs steps, and repeats one that ran out of memory with half the chunk, as often as it takes."""

    def __init__(self, step: MatchingStep, task: Task) -> None:
        """Take the step, and the task whose chunk is lowered with that of the step."""
        self._step, self._task = step, task

    def __call__(self, network: nn.Module, draws: Draws, *, value: bool) -> Tensor:
        """See `MatchingStep`.

        Raises:
            torch.OutOfMemoryError: not even one image at a time fits.
        """

        def attempt(chunk: int) -> Tensor:
            if chunk < self._task.chunk:
                self._lower(chunk)
            return self._attempt(network, draws, value=value)

        return halving(attempt, self._task.chunk)

    def _attempt(self, network: nn.Module, draws: Draws, *, value: bool) -> Tensor:
        return self._step(network, draws, value=value)

    def _lower(self, chunk: int) -> None:
        self._task.chunk = self._step.features.chunk = chunk


class GPURunner(Runner):
    """Runs steps on a GPU, if they may be captured as replays of a CUDA graph.

    Draws become tensors whose values nobody on the CPU looks at. Steps whose loss is wanted, one in a hundred, compute
    more and are never captured.
    """

    def __init__(
        self, step: MatchingStep, task: Task, augmentation: Augmentation, *, captured: bool, compiled: bool
    ) -> None:
        """Take the step.

        Args:
            step: what is run.
            task: says on which GPU.
            augmentation: that of the step.
            captured: replay a captured step; the network is the same module at every call then.
            compiled: let torch compile the forward and backward pass of the network.
        """
        super().__init__(step, task)
        self._augmentation, self._compiled = augmentation, compiled
        self._graph = CapturedStep(self._advance, task.device) if captured else None
        self._inputs: tuple[nn.Module, Draws] | None = None
        self._loss = torch.zeros((), device=task.device)

    def _attempt(self, network: nn.Module, draws: Draws, *, value: bool) -> Tensor:
        settled = draws.settled(self._augmentation, self._task.device)
        if self._compiled and self._step.features.forward is None:
            self._step.features.forward = cast("Forward", torch.compile(cast("Forward", network.embed), dynamic=False))
        try:
            return self._run(network, settled, value=value)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            if not self._compiled:
                raise
            # Compilers are missing or choke on what plug-ins write; the step has changed nothing yet.
            warnings.warn(f"the network cannot be compiled and runs as it is: {error}", stacklevel=2)
        self._compiled, self._step.features.forward = False, None
        return self._run(network, settled, value=value)

    def _run(self, network: nn.Module, settled: Draws, *, value: bool) -> Tensor:
        if value or self._graph is None:
            return self._step(network, settled, value=value)
        if self._inputs is None:
            self._inputs = network, settled
        else:
            self._inputs[1].copy_(settled)
        self._graph()
        return self._loss

    def _advance(self) -> None:
        if self._inputs is not None:
            network, draws = self._inputs
            self._loss = self._step(network, draws, value=False)

    def _lower(self, chunk: int) -> None:
        super()._lower(chunk)
        if self._graph is not None:
            self._graph.forget()
        torch.cuda.empty_cache()
