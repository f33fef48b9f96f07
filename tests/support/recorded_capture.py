"""A test double of capture: CUDA graphs that record the operators of a step on the CPU and replay them.

It takes the place of what the toolbox calls in ``torch.cuda``, so that the code which captures is the one that is
tested. As a capture on a GPU does, it changes nothing while it records. It refuses what breaks a CUDA graph: a value
that the host reads, a size that depends on data, fresh random numbers, and data that come from the host. It also
compares the recorded step with an eager one before it: another operator, another number, or a tensor of another address
is an error, because a replay would not follow the change.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor, UntypedStorage
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

_REFUSED = {
    torch.Tag.data_dependent_output: "the host reads a value",
    torch.Tag.dynamic_output_shape: "a size depends on data",
    torch.Tag.nondeterministic_seeded: "fresh random numbers are drawn",
}
_INDEXING = (torch.ops.aten.index, torch.ops.aten.index_put, torch.ops.aten.index_put_)
# On the CPU these read the memory without an operator that a dispatch mode would see.
_READING = {
    method: f"the host reads a value, by {name}"
    for name in ("tolist", "numpy", "cpu", "__array__")
    if (method := getattr(Tensor, name))
}


class RefusedError(RuntimeError):
    """The step does what no capture allows, or what a replay would not repeat."""


@dataclass(frozen=True, eq=False)
class Call:
    """One operator that ran."""

    operator: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    results: Any

    @property
    def inputs(self) -> list[Any]:
        """Tensors and numbers that it was called with."""
        return tree_leaves((self.args, self.kwargs))

    @property
    def tensors(self) -> list[Tensor]:
        """Tensors among its results."""
        return [leaf for leaf in tree_leaves(self.results) if isinstance(leaf, Tensor)]


@dataclass(eq=False)
class Recording:
    """The operators of one step. It keeps their tensors, so that no address is used a second time."""

    calls: list[Call] = field(default_factory=list)
    made: set[int] = field(default_factory=set)
    """Storages that the step itself has made."""
    given: dict[int, tuple[UntypedStorage, UntypedStorage]] = field(default_factory=dict)
    """Storages that were there before: each with a copy of what it held."""

    def comes_from_outside(self, tensor: Tensor) -> bool:
        """Return whether *tensor* was there before the step."""
        return _storage_id(tensor) not in self.made

    def keep(self, value: Any) -> None:
        """Copy the storage of *value* if the step is the first time that it sees it."""
        if isinstance(value, Tensor) and self.comes_from_outside(value) and _storage_id(value) not in self.given:
            storage = value.untyped_storage()
            self.given[_storage_id(value)] = storage, storage.clone()

    def add(self, call: Call) -> None:
        """Append *call*."""
        self.calls.append(call)
        self.made |= {_storage_id(tensor) for tensor in call.tensors} - self.given.keys()

    def undo(self) -> None:
        """Give everything that was there before the step its values back."""
        for storage, copy in self.given.values():
            storage.copy_(copy)

    @torch.no_grad()
    def replay(self) -> None:
        """Run the operators again on the same storages."""
        for call in self.calls:
            again = Call(call.operator, call.args, call.kwargs, call.operator(*call.args, **call.kwargs))
            for old, new in zip(call.tensors, again.tensors, strict=True):
                if old.data_ptr() != new.data_ptr():  # else it is a view, or was written in place
                    old.copy_(new)


def _storage_id(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


class _Watching(TorchDispatchMode):
    """Records every operator; refuses nothing."""

    def __init__(self, recording: Recording) -> None:
        super().__init__()
        self.recording = recording

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        for leaf in tree_leaves((args, kwargs)):
            self.recording.keep(leaf)
        results = func(*args, **kwargs)
        self.recording.add(Call(func, args, kwargs, results))
        return results


class _Capturing(_Watching):
    """Records every operator that a graph can hold, and refuses the others."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        by_tag = [what for tag, what in _REFUSED.items() if tag in func.tags]
        if func.overloadpacket in _INDEXING:  # has the tag for the sake of masks, which become positions first
            by_tag = ["a size depends on data"] if any(map(_is_mask, tree_leaves(args[1]))) else []
        for what in by_tag:
            raise RefusedError(f"{what}, by {func}")
        if func is torch.ops.aten.lift_fresh.default:
            raise RefusedError("data come from the host, by torch.tensor or the like")
        return super().__torch_dispatch__(func, types, args, kwargs)


def _is_mask(index: Any) -> bool:
    return isinstance(index, Tensor) and index.dtype in (torch.bool, torch.uint8)


class _NoReading(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _READING:
            raise RefusedError(_READING[func])
        return func(*args, **(kwargs or {}))


def difference(before: Recording, now: Recording) -> str:
    """Return in what the step *now* is not the one *before*, so that a replay would be wrong; empty if in nothing."""
    for number, (old, new) in enumerate(zip(before.calls, now.calls, strict=False)):
        if old.operator is not new.operator:
            return f"operator {number} is {old.operator} in one step and {new.operator} in the next"
        for one, other in zip(old.inputs, new.inputs, strict=False):
            if isinstance(one, Tensor) and isinstance(other, Tensor):
                if (one.shape, one.stride(), one.dtype) != (other.shape, other.stride(), other.dtype):
                    return f"{new.operator} gets another shape or type in the next step"
                if now.comes_from_outside(other) and one.data_ptr() != other.data_ptr():
                    replaced = _storage_id(other) in before.made
                    how = "was replaced, not updated in place," if replaced else "lies in a new storage"
                    return f"a tensor that {new.operator} reads {how} in the next step"
            elif type(one) is not type(other) or one != other:
                return f"{new.operator} gets the number {one} in one step and {other} in the next"
    more = len(now.calls) - len(before.calls)
    return f"a step has {abs(more)} operators {'more' if more > 0 else 'fewer'} than the one before" if more else ""


class _Stream:
    def __init__(self, *_: Any) -> None:
        pass

    def wait_stream(self, other: Any) -> None:
        pass


class RecordedCapture:
    """The part of ``torch.cuda`` that the toolbox captures with.

    Args:
        patch: puts it into place until the end of the test.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.recordings: list[Recording] = []
        """One for each graph that was captured."""
        self.replays = 0
        self._eager: dict[_Stream | None, Recording] = {}  # the last step that ran on each stream
        self._inside = False
        capture, current = self, _Stream()

        class Graph:
            recording: Recording

            def replay(self) -> None:
                capture.replays += 1
                self.recording.replay()

        stand_ins: dict[str, Any] = {
            "Stream": _Stream,
            "CUDAGraph": Graph,
            "graph": self._capture,
            "stream": self._run_on,
            "current_stream": lambda *_: current,
            "graph_pool_handle": lambda: None,
            "synchronize": lambda *_: None,
            "empty_cache": lambda: None,
        }
        for name, stand_in in stand_ins.items():
            patch.setattr(torch.cuda, name, stand_in)

    @contextmanager
    def _run_on(self, stream: _Stream) -> Iterator[None]:
        """Stand in for ``torch.cuda.stream``: remember what an eager step launches."""
        if self._inside:
            yield
            return
        recording = Recording()
        with self._alone(), _Watching(recording):
            yield
        self._eager[stream] = self._eager[None] = recording

    @contextmanager
    def _capture(self, graph: Any, *, pool: Any = None, stream: _Stream | None = None) -> Iterator[None]:
        """Stand in for ``torch.cuda.graph``."""
        graph.recording = recording = Recording()
        try:
            with self._alone(), _NoReading(), _Capturing(recording):
                yield
        finally:
            recording.undo()
        before = self._eager.get(stream)
        if before is not None and (found := difference(before, recording)):
            raise RefusedError(found)
        self.recordings.append(recording)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._inside = True
        try:
            yield
        finally:
            self._inside = False
