"""Imported: a condensed set that was made elsewhere, evaluated like those that are made here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

import dcbench
from dcbench import Method, RequestError

if TYPE_CHECKING:
    from dcbench import CondensedSet, DatasetInfo, Task


class Settings(dcbench.Settings):
    """Which of the imported sets, and how its images are decoded."""

    name: str = Field(
        "", pattern=r"^[\w.+-]*$", description="the name under which it was imported; title of its column"
    )
    factor: int = Field(1, ge=1, description="tiles per side of a stored image")


class Imported(Method):
    """A set that ``dcbench import`` put into the store. It is there before a run, so that nothing is condensed."""

    cite = "The authors of the set: see 'origin' in its file"
    Settings = Settings

    def label(self, settings: Any) -> str:
        """Return the name of the set."""
        return str(settings.name)

    def validate(self, info: DatasetInfo, ipc: int, settings: Any) -> None:  # noqa: ARG002  (the same for all)
        """Refuse to run without a name."""
        if not settings.name:
            raise RequestError("imported.name: say which set, imported[name=NAME]; 'dcbench import' gives it that name")

    def condense(self, task: Task, settings: Any) -> CondensedSet:
        """Say that it cannot: the bench gets here only if the set went away after a run was planned.

        Raises:
            RequestError: always.
        """
        raise RequestError(f"the imported set {settings.name!r} of {task.info.name} is gone; import it again")
