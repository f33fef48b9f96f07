"""What other methods are compared with: random images, all images, and sets that were made elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from pydantic import Field

import dcbench
from dcbench import CondensedSet, Method, RequestError, Settings
from dcbench.toolbox.selection import check_ipc

if TYPE_CHECKING:
    from dcbench import DatasetInfo, Task


class Random(Method[Settings]):
    """The same number of training images of each class, drawn uniformly without replacement.

    Codes that call the first images of each class "random" (IDC) measure the order of the files instead.
    """

    exact: ClassVar[bool] = True
    cite = "The random baseline of Zhao, Mopuri, Bilen: Dataset Condensation with Gradient Matching, ICLR 2021"

    def validate(self, info: DatasetInfo, ipc: int, settings: Settings) -> None:  # noqa: ARG002  (it has none)
        """Refuse more images than the smallest class has."""
        check_ipc(info, ipc)

    def condense(self, task: Task, settings: Settings) -> CondensedSet:  # noqa: ARG002  (it has none)
        """Draw ``task.ipc`` images of each class from the task's generator, class by class."""
        picks = [
            indices[torch.randperm(len(indices), generator=task.generator)[: task.ipc]]
            for indices in task.train.class_index
        ]
        return CondensedSet.selection(torch.cat(picks), task.train)


class Whole(Method[Settings]):
    """Every training image, whatever the IPC. A reference row: its record must be exempt from the budget."""

    revision: ClassVar[int] = 2  # the order of the images, and with it that of the batches
    exact: ClassVar[bool] = True
    cite = "The upper bound that every paper of the field prints as 'whole dataset'"

    def condense(self, task: Task, settings: Settings) -> CondensedSet:  # noqa: ARG002  (it has none)
        """Select all of ``task.train``, in its order: a dataset that is larger than the memory is then not copied."""
        return CondensedSet.selection(torch.arange(len(task.train)), task.train)


class ImportedSettings(dcbench.Settings):
    """Which of the imported sets, and how its images are decoded."""

    name: str = Field(
        "", pattern=r"^[\w.+-]*$", description="the name under which it was imported; title of its column"
    )
    factor: int = Field(1, ge=1, description="tiles per side of a stored image")


class Imported(Method[ImportedSettings]):
    """A set that ``dcbench import`` put into the store. It is there before a run, so that nothing is condensed."""

    exact: ClassVar[bool] = True
    cite = "The authors of the set: see 'origin' in its file"
    Settings = ImportedSettings

    def label(self, settings: ImportedSettings) -> str:
        """Return the name of the set."""
        return settings.name

    def validate(self, info: DatasetInfo, ipc: int, settings: ImportedSettings) -> None:  # noqa: ARG002
        """Refuse to run without a name."""
        if not settings.name:
            raise RequestError("imported.name: say which set, imported[name=NAME]; 'dcbench import' gives it that name")

    def condense(self, task: Task, settings: ImportedSettings) -> CondensedSet:
        """Say that it cannot: the bench gets here only if the set went away after a run was planned.

        Raises:
            RequestError: always.
        """
        raise RequestError(f"the imported set {settings.name!r} of {task.info.name} is gone; import it again")
