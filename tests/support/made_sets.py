"""Condensed sets written straight into a results folder, for tests of what reads them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dcbench import CondensedSet
from dcbench.engine.store.sets import StoredSet, write_condensed
from dcbench.engine.store.store import Store
from support.made_results import cell_of


def add_set(
    results: Path,
    method: str,
    images: Tensor | None = None,
    *,
    seconds: float = 100.0,
    snapshots: Mapping[int, float | None] | None = None,
    finished: str = "2026-01-01T00:00:00+00:00",
    **cell: Any,
) -> Path:
    """Write the condensed set of one cell: *images* (N, C, H, W), as many of each class as its IPC, or grey ones.

    *snapshots* are steps, and the seconds that are known of each.
    """
    made, snapshots = cell_of(method, **cell), snapshots or {}
    if images is None:
        count = made.ipc * (len(made.dataset.class_names) or 3)
        images = torch.linspace(0, 1, count).view(-1, 1, 1, 1).expand(-1, 1, 8, 8)
    condensed = CondensedSet.of_images(images, torch.arange(len(images)) // made.ipc)
    facts = {
        "device": "a processor",
        "seconds": seconds,
        "finished": finished,
        "numbers": images.numel(),
        "versions": {"torch": "2.9"},
        "runtime": {"threads": 1},
    }
    known = {step: spent for step, spent in snapshots.items() if spent is not None}
    path = Store(results).condensed(made)
    write_condensed(path, StoredSet(made, condensed, facts, {}, dict.fromkeys(snapshots, condensed), known))
    return path
