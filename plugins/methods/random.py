"""Random: training images drawn uniformly, the baseline of every method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from dcbench import CondensedSet, Method
from dcbench.toolbox.selection import check_ipc

if TYPE_CHECKING:
    from dcbench import DatasetInfo, Task


class Random(Method):
    """The same number of training images of each class, drawn uniformly without replacement.

    Codes that call the first images of each class "random" (IDC) measure the order of the files instead.
    """

    cite = "The random baseline of Zhao, Mopuri, Bilen: Dataset Condensation with Gradient Matching, ICLR 2021"

    def validate(self, info: DatasetInfo, ipc: int, settings: Any) -> None:  # noqa: ARG002  (it has none)
        """Refuse more images than the smallest class has."""
        check_ipc(info, ipc)

    def condense(self, task: Task, settings: Any) -> CondensedSet:  # noqa: ARG002  (it has none)
        """Draw ``task.ipc`` images of each class from the task's generator, class by class."""
        picks = [
            indices[torch.randperm(len(indices), generator=task.generator)[: task.ipc]]
            for indices in task.train.class_index
        ]
        return CondensedSet.selection(torch.cat(picks), task.train)
