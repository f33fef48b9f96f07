"""How matching steps run on a device: in chunks that fit the memory, and on a GPU without stalls of the host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

import torch

from dcbench.api.errors import CaptureFailedError
from dcbench.api.ran import ran
from dcbench.toolbox.devices import CapturedStep, first_line, missing_compiler, retry_with_smaller_chunk

if TYPE_CHECKING:
    from torch import Tensor, nn

    from dcbench import Task
    from dcbench.toolbox.augment import Augmentation
    from dcbench.toolbox.matching.sampling import StepDraw, StepTensorDraw
    from dcbench.toolbox.matching.step import Forward, MatchingStep


StepPath = Literal["eager", "captured", "compiled"]
"""How steps run: as they are written, as replays of a CUDA graph, or so with a compiled network."""

WORTH_COMPILING = 500
"""Steps of a whole run from which on it may pay to compile a network for a GPU, which takes some tens of seconds."""


def choose_path(task: Task, iterations: int, *, resident: bool) -> StepPath:
    """Return how the steps of a run go; the same each time for the same settings, device and options.

    Args:
        task: gives the device and says whether steps may be captured.
        iterations: steps of the whole run, however many of them are left.
        resident: whether the training images lie on the device. A graph cannot hold a copy from the host.
    """
    if task.device.type != "cuda" or not task.capture or not resident:
        return "eager"
    return "compiled" if iterations >= WORTH_COMPILING else "captured"


def resume_path(chosen: StepPath, begun: object) -> StepPath:
    """Return how a run goes on that began as *begun* says, a text from its checkpoint; *chosen* if that says nothing.

    Eager steps can always be done, compiled ones wherever steps are captured. Where none can be captured any more, the
    run goes on with eager steps and the record of the job says so.
    """
    if begun not in ("eager", "captured", "compiled"):
        return chosen
    if chosen == "eager" and begun != "eager":
        ran().fall_back(f"the run began with {begun} steps, which cannot be captured here; it goes on with eager ones")
        return "eager"
    return begun


class Runner:
    """Runs steps. A step that runs out of memory is repeated with half the chunk, and again with half of that."""

    def __init__(self, step: MatchingStep, task: Task) -> None:
        """Take the step, and the task whose chunk is lowered with that of the step."""
        self._step, self._task = step, task

    @property
    def path(self) -> StepPath:
        """How steps really run."""
        return "eager"

    def __call__(self, network: nn.Module, draw: StepDraw, *, value: bool) -> Tensor:
        """See `MatchingStep`.

        Raises:
            torch.OutOfMemoryError: a single image at a time does not fit.
        """

        def attempt(chunk: int) -> Tensor:
            if chunk < self._task.chunk:
                self._lower(chunk)
            return self._attempt(network, draw, value=value)

        return retry_with_smaller_chunk(attempt, self._task.chunk)

    def _attempt(self, network: nn.Module, draw: StepDraw, *, value: bool) -> Tensor:
        return self._step(network, draw, value=value)

    def _lower(self, chunk: int) -> None:
        self._task.chunk = self._step.signal.chunk = chunk


class GPURunner(Runner):
    """Runs steps on a GPU; if they may be captured, as replays of a CUDA graph.

    Draws become tensors, so that the host does not branch on their values. A step whose loss is wanted, one in a
    hundred, launches more kernels than the others and is never captured.
    """

    def __init__(
        self, step: MatchingStep, task: Task, augmentation: Augmentation, *, captured: bool, compiled: bool
    ) -> None:
        """Take the step.

        Args:
            step: what is run.
            task: gives the GPU.
            augmentation: that of the step.
            captured: replay a captured step. The network must then be the same module at every call.
            compiled: let torch compile the forward and backward pass of the network, where there is a compiler.
        """
        super().__init__(step, task)
        if compiled and (missing := missing_compiler()):
            ran().fall_back(f"networks are not compiled: {missing}")
            compiled = False
        self._augmentation, self._compiled = augmentation, compiled
        self._graph = CapturedStep(self._advance, task.device) if captured else None
        self._inputs: tuple[nn.Module, StepTensorDraw] | None = None
        self._loss = torch.zeros((), device=task.device)

    @property
    def path(self) -> StepPath:
        """See `Runner.path`."""
        if self._graph is None:
            return "eager"
        return "compiled" if self._compiled else "captured"

    def _attempt(self, network: nn.Module, draw: StepDraw, *, value: bool) -> Tensor:
        tensors = draw.as_tensors(self._augmentation).to(self._task.device)
        if self._compiled and self._step.signal.forward is None:
            self._step.signal.forward = cast("Forward", torch.compile(cast("Forward", network.embed), dynamic=False))
        try:
            loss = self._run(network, tensors, value=value)
        except (torch.OutOfMemoryError, CaptureFailedError):
            raise
        except Exception as error:
            if not self._compiled:
                raise
            # The compiler may fail on the network of a plug-in. That happens on the host, in an eager step, and the
            # step has changed nothing yet: it can run again in this process.
            ran().fall_back(f"the network cannot be compiled and runs as it is: {first_line(error)}")
        else:
            ran().compiled |= self._compiled
            return loss
        self._compiled, self._step.signal.forward = False, None
        ran().compiled = False
        return self._run(network, tensors, value=value)

    def _run(self, network: nn.Module, tensors: StepTensorDraw, *, value: bool) -> Tensor:
        if value or self._graph is None:
            return self._step(network, tensors, value=value)
        # A graph reads the addresses that it was captured with: every later draw is copied into the first one.
        if self._inputs is None:
            self._inputs = network, tensors
        else:
            self._inputs[1].copy_(tensors)
        self._graph()
        return self._loss

    def _advance(self) -> None:
        if self._inputs is not None:
            network, tensors = self._inputs
            self._loss = self._step(network, tensors, value=False)

    def _lower(self, chunk: int) -> None:
        super()._lower(chunk)
        if self._graph is not None:
            self._graph.reset()
        # Blocks of the failed attempt have the sizes of the larger chunk; the smaller one could not reuse them all.
        torch.cuda.empty_cache()
