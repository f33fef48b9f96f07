"""Whole: the training set itself, the row that says how much there was to keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from dcbench import CondensedSet, Method

if TYPE_CHECKING:
    from dcbench import Task


class Whole(Method):
    """Every training image, whatever the IPC. A reference row: its record must be exempt from the budget."""

    cite = "The upper bound that every paper of the field prints as 'whole dataset'"

    def condense(self, task: Task, settings: Any) -> CondensedSet:  # noqa: ARG002  (it has none)
        """Select all of ``task.train``, class by class."""
        return CondensedSet.selection(torch.cat(task.train.class_index), task.train)
