"""Work within the memory of a device, and on a GPU without stalls: copies that do not block, steps that replay."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import torch

from dcbench.api.renamed import RenamedMethod, old_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor
    from torch.cuda import _POOL_HANDLE

Result = TypeVar("Result")

__getattr__ = old_names(__name__, {"send": f"{__name__}.to_device_async"})

RESIDENT_SHARE = 0.5
"""The part of the free memory of a GPU that images may take to be kept there: networks need room too."""


def fits(images: Tensor, device: torch.device) -> bool:
    """Return whether *images*, which are uint8 and on the CPU, may be kept whole on *device*."""
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return images.numel() <= RESIDENT_SHARE * free


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
    Every call is a real step, the eager ones too. If the capture fails, steps stay eager and one warning says why.
    """

    EAGER = 3
    """Steps before the capture: libraries choose their algorithms and allocate their workspaces in them."""

    def __init__(self, step: Callable[[], None], device: torch.device) -> None:
        """Prepare to capture *step*, which works on *device*, a GPU."""
        self._step, self._device = step, device
        self._stream: torch.cuda.Stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._graph: torch.cuda.CUDAGraph | None = None
        self._done, self._failed = 0, False

    def __call__(self) -> None:
        """Do one step."""
        if self._graph is None and self._done >= self.EAGER and not self._failed:
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

    def _captured(self) -> torch.cuda.CUDAGraph | None:
        graph = torch.cuda.CUDAGraph()
        try:
            with capturing(graph, stream=self._stream):
                self._step()
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            self._failed = True
            torch.cuda.synchronize(self._device)
            first_line = (str(error).splitlines() or [type(error).__name__])[0]
            warnings.warn(f"this step cannot be captured in a CUDA graph and runs eagerly: {first_line}", stacklevel=3)
            return None
        return graph
