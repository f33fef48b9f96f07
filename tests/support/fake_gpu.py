"""Tensors that say they lie on a GPU, where there is none, and what is sent to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

GPU = torch.device("cuda")


class Sent(TorchDispatchMode):
    """Notes the types of what is copied from the CPU to a GPU; each copy makes a step that is captured fail."""

    def __init__(self) -> None:
        super().__init__()
        self.types: list[torch.dtype] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is torch.ops.aten._to_copy.default and args[0].device.type == "cpu" and result.device.type == "cuda":
            self.types.append(result.dtype)
        return result


@contextmanager
def fake_gpu() -> Iterator[None]:
    """Let the device "cuda" have tensors of shapes and types without values in the block."""
    if torch.__version__ < (2, 9):
        pytest.skip("torch asked for a driver here until 2.9")
    with FakeTensorMode(allow_non_fake_inputs=True):
        yield
