from __future__ import annotations

import pytest
import torch
from fakes import MemoryTask, info_of, made_up_set

from dcbench import InvalidCondensedSetError
from dcbench_plugins.methods.whole import Whole

TRAIN = made_up_set(classes=3, per_class=12)
INFO = info_of(TRAIN)


def test_selects_every_image_once_in_the_order_of_the_dataset() -> None:
    condensed = Whole().condense(MemoryTask(TRAIN, INFO, ipc=1), Whole.Settings())
    assert condensed.source_indices is not None
    assert condensed.source_indices.tolist() == list(range(len(TRAIN)))
    assert torch.equal(condensed.labels, TRAIN.labels)


def test_passes_only_as_an_exempt_row() -> None:
    condensed = Whole().condense(MemoryTask(TRAIN, INFO, ipc=1), Whole.Settings())
    condensed.check(INFO, 1, budget_exempt=True)
    with pytest.raises(InvalidCondensedSetError, match="over budget"):
        condensed.check(INFO, 1)
