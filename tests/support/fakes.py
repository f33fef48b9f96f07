"""Stand-ins for what the bench gives to plug-ins, so that each can be tested without an engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from dcbench import CondensedSet, DatasetInfo, ImageSet, State, Task


def made_up_set(classes: int = 3, per_class: int = 12, channels: int = 1, size: int = 8, seed: int = 0) -> ImageSet:
    """Return random uint8 images whose classes differ in brightness, in shuffled order."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(classes).repeat_interleave(per_class)[
        torch.randperm(classes * per_class, generator=generator)
    ]
    noise = torch.randint(0, 80, (len(labels), channels, size, size), generator=generator)
    images = (noise + labels.view(-1, 1, 1, 1) * (170 // max(1, classes - 1))).to(torch.uint8)
    return ImageSet(images, labels, classes)


def info_of(train: ImageSet, name: str = "made-up", **changes: Any) -> DatasetInfo:
    """Return the description that fits *train*."""
    pixels = train.images.float().div(255)
    values: dict[str, Any] = {
        "name": name,
        "shape": tuple(train.images.shape[1:]),
        "class_names": tuple(str(label) for label in range(train.classes)),
        "train_counts": tuple(len(index) for index in train.class_index),
        "test_counts": (4,) * train.classes,
        "mean": tuple(pixels.mean((0, 2, 3)).tolist()),
        "std": tuple(pixels.std((0, 2, 3)).tolist()),
        "mirror_ok": False,
        "default_protocol": "short",
    }
    return DatasetInfo(**{**values, **changes})


class MemoryTask(Task):
    """A task that keeps everything in memory.

    `kept` collects snapshots by step, `reports` the calls of progress, `state` the last checkpoint; every checkpoint
    that is offered is taken.
    """

    def __init__(
        self,
        train: ImageSet,
        info: DatasetInfo,
        ipc: int = 1,
        *,
        network: Callable[[str], nn.Module] | None = None,
        seed: int = 7,
        state: Mapping[str, Any] | None = None,
    ) -> None:
        self.train, self.info, self.ipc, self.seed = train, info, ipc, seed
        self.classes = range(train.classes)
        self.replicate = 0
        self.device = torch.device("cpu")
        self.generator = torch.Generator().manual_seed(seed)
        self.chunk = 16
        self.state = state
        self.kept: dict[int, CondensedSet] = {}
        self.reports: list[tuple[int, int, dict[str, float]]] = []
        self.artifacts: dict[str, dict[str, Tensor]] = {}
        self._network = network

    def network(self, name: str, seed: int, *, device: torch.device | None = None) -> nn.Module:
        assert self._network is not None, "this task was made without networks"
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self._network(name)

    def progress(self, step: int, total: int, **metrics: float) -> None:
        self.reports.append((step, total, metrics))

    def snapshot(self, step: int, condensed: CondensedSet) -> None:
        self.kept[step] = condensed

    def artifact(self, key: Mapping[str, Any], build: Callable[[int], Mapping[str, Tensor]]) -> dict[str, Tensor]:
        name = repr(sorted(key.items()))
        if name not in self.artifacts:
            self.artifacts[name] = dict(build(11))
        return self.artifacts[name]

    def checkpoint(self, state: Callable[[], State]) -> None:
        self.state = dict(state())

    def resume(self) -> dict[str, Any] | None:
        return None if self.state is None else dict(self.state)
