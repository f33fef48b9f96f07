"""Whole: the training set itself, as the upper reference of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import torch

from dcbench import CondensedSet, Method

if TYPE_CHECKING:
    from dcbench import Task


class Whole(Method):
    """Every training image, whatever the IPC. A reference row: its record must be exempt from the budget."""

    revision: ClassVar[int] = 2  # the order of the images, and with it that of the batches
    cite = "The upper bound that every paper of the field prints as 'whole dataset'"

    def condense(self, task: Task, settings: Any) -> CondensedSet:  # noqa: ARG002  (it has none)
        """Select all of ``task.train``, in its order: a dataset that is larger than the memory is then not copied."""
        return CondensedSet.selection(torch.arange(len(task.train)), task.train)
