"""Working on a GPU without making it wait: sending numbers there, and replaying a step that was captured."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor
    from torch.cuda import _POOL_HANDLE


def send(tensor: Tensor, device: torch.device) -> Tensor:
    """Return *tensor*, which is on the CPU, on *device*; a copy to a GPU is queued and waited for by nobody."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


@contextmanager
def capturing(
    graph: torch.cuda.CUDAGraph, *, pool: _POOL_HANDLE | None = None, stream: torch.cuda.Stream | None = None
) -> Iterator[None]:
    """Capture what is launched in the block, on the current GPU, in *graph*.

    Args:
        graph: a new one.
        pool: memory that it shares with other graphs.
        stream: what the capture runs on; one of torch's own by default.

    Raises:
        torch.OutOfMemoryError: memory ran out in the block.
        RuntimeError: something in the block cannot be captured.
    """
    broke_off: Exception | None = None
    try:
        with torch.cuda.graph(graph, pool=pool, stream=stream):
            try:
                yield
            except Exception as error:
                broke_off = error
                raise
    except RuntimeError:
        # What may not be captured spoils the capture; ending it fails then, and hides why the block broke off.
        if broke_off is not None:
            raise broke_off from None
        raise
    finally:
        broke_off = None  # its traceback leads here: together they would keep the memory of what failed


class CapturedStep:
    """A step that is run eagerly a few times, then captured in a CUDA graph, and from then on replayed.

    A step takes no argument and returns nothing: what changes from one to the next lies in tensors that the caller
    fills beforehand. It must run the same kernels on the same tensors each time and never wait for the device. Every
    call is a real step, the eager ones too. Where capturing fails, steps go on eagerly and one warning says why.
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
        # Eager steps run on the stream of the capture, so that what they allocate can be used again in it.
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            self._step()
        current.wait_stream(self._stream)
        self._done += 1

    def forget(self) -> None:
        """Drop the graph, because the step is going to work otherwise; the next steps are eager again."""
        self._graph, self._done = None, 0

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
