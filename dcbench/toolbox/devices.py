"""Work within the memory of a device, and on a GPU without stalls: copies that do not block, steps that replay."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeVar

import torch

from dcbench.api.errors import CaptureFailedError
from dcbench.api.ran import ran
from dcbench.api.renamed import RenamedMethod, old_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor
    from torch.cuda import _POOL_HANDLE

Result = TypeVar("Result")

__getattr__ = old_names(__name__, {"send": f"{__name__}.to_device_async"})

RESIDENT_SHARE = 0.5
"""The part of the memory of a GPU that images may take to be kept there: networks need room too."""


def fits(images: Tensor, device: torch.device) -> bool:
    """Return whether *images*, which are uint8 and on the CPU, may be kept whole on *device*.

    The answer depends on the device alone, not on the memory that is free at the moment: it decides whether steps are
    captured, and a run must take the same path each time.
    """
    if device.type != "cuda":
        return True
    return images.numel() <= RESIDENT_SHARE * torch.cuda.get_device_properties(device).total_memory


def moved_if_room(images: Tensor, device: torch.device) -> Tensor:
    """Return *images* on *device*, or as they are if its memory runs out: others may use the same GPU."""
    try:
        return images.to(device)
    except torch.OutOfMemoryError:
        return images


def missing_compiler() -> str:
    """Return what this machine lacks for torch to compile for its GPU, in one line; empty if nothing."""
    if find_spec("triton") is None:
        return "the package triton is not installed"
    if not os.environ.get("CC") and not any(map(shutil.which, ("gcc", "clang"))):
        return "there is no C compiler here; install gcc or clang, or name one in the variable CC"
    return ""


def first_line(error: BaseException) -> str:
    """Return the first line of the text of *error*, or its name if it has no text."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def retry_with_smaller_chunk(attempt: Callable[[int], Result], chunk: int) -> Result:
    """Return ``attempt(chunk)``. Each time memory runs out, call it again with half the chunk.

    Args:
        attempt: works on that many images at once. Its result does not depend on the number, and a call that has raised
            has no effect on the next one.
        chunk: images at once in the first attempt, at least 1.

    Raises:
        torch.OutOfMemoryError: a single image at a time does not fit.
    """
    while True:
        try:
            return attempt(chunk)
        except torch.OutOfMemoryError:
            if chunk == 1:
                raise
        # The retry stands outside of the handler: while the exception is alive, its traceback holds the tensors of the
        # failed attempt.
        chunk //= 2


def to_device_async(tensor: Tensor, device: torch.device) -> Tensor:
    """Return *tensor*, which is on the CPU, on *device*. A copy to a GPU is queued, and the host goes on at once."""
    if device.type != "cuda":
        return tensor.to(device)
    # From pageable memory even a non_blocking copy blocks the host until the data are staged.
    return tensor.pin_memory().to(device, non_blocking=True)


@contextmanager
def forked(stream: torch.cuda.Stream, device: torch.device | None = None) -> Iterator[None]:
    """Launch the block on *stream*, after what the current stream of *device* has queued and before what it gets next.

    Args:
        stream: another than the current one.
        device: that of the stream; the current GPU by default.
    """
    current = torch.cuda.current_stream(device)
    stream.wait_stream(current)
    try:
        with torch.cuda.stream(stream):
            yield
    finally:
        # Also after an error: the caller goes on with the same tensors on the current stream, while kernels that were
        # launched before the error may still write to them.
        current.wait_stream(stream)


@contextmanager
def capturing(
    graph: torch.cuda.CUDAGraph, *, pool: _POOL_HANDLE | None = None, stream: torch.cuda.Stream | None = None
) -> Iterator[None]:
    """Capture the kernels that the block launches, on the current GPU, in *graph*.

    Args:
        graph: a new one.
        pool: memory that it shares with other graphs.
        stream: the stream of the capture; one of torch's own by default.

    Raises:
        torch.OutOfMemoryError: memory ran out in the block.
        RuntimeError: something in the block cannot be captured.
    """
    cause: Exception | None = None
    try:
        with torch.cuda.graph(graph, pool=pool, stream=stream):
            try:
                yield
            except Exception as error:
                cause = error
                raise
    except RuntimeError:
        # A forbidden operation invalidates the capture. torch.cuda.graph then fails a second time when it ends the
        # capture, and that error would hide the first one, which says what is wrong.
        if cause is not None:
            raise cause from None
        raise
    finally:
        # The traceback of the exception refers to this frame and this frame to the exception. The cycle would keep the
        # tensors of the failed block alive until the next garbage collection.
        cause = None


class CapturedStep:
    """A step that runs eagerly a few times, is then captured in a CUDA graph, and from then on is replayed.

    A step takes no argument and returns nothing: what changes between steps lies in tensors that the caller fills
    before the call. A step launches the same kernels on the same tensors each time and reads nothing back to the host.
    Every call is a real step, the eager ones too.
    """

    EAGER = 3
    """Steps before the capture: libraries choose their algorithms and allocate their workspaces in them."""

    def __init__(self, step: Callable[[], None], device: torch.device) -> None:
        """Prepare to capture *step*, which works on *device*, a GPU."""
        self._step, self._device = step, device
        self._stream: torch.cuda.Stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._graph: torch.cuda.CUDAGraph | None = None
        self._done = 0

    def __call__(self) -> None:
        """Do one step.

        Raises:
            CaptureFailedError: the step cannot be captured. It was not done, and this process must not go on with it.
            torch.OutOfMemoryError: memory ran out; call `reset` before the next step.
        """
        if self._graph is None and self._done >= self.EAGER:
            self._graph = self._captured()
        if self._graph is not None:
            self._graph.replay()
            return
        # Eager steps run on the stream of the capture: libraries keep a workspace for each stream, and must have
        # allocated it before the capture.
        with forked(self._stream, self._device):
            self._step()
        self._done += 1

    def reset(self) -> None:
        """Drop the graph, for a step that is about to change; the next steps are eager again."""
        self._graph, self._done = None, 0

    forget = RenamedMethod("reset")

    def _captured(self) -> torch.cuda.CUDAGraph:
        graph = torch.cuda.CUDAGraph()
        try:
            with capturing(graph, stream=self._stream):
                self._step()
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            # Not "go on eagerly": an operation that is forbidden in a capture may leave an error that only a later
            # call reports, and memory that the pool of the broken graph keeps.
            raise CaptureFailedError(f"a step cannot be captured in a CUDA graph: {first_line(error)}") from error
        ran().captured = True
        return graph
