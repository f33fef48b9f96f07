"""Origins: where the recommended value of a setting comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Origin:
    """Where the value of one setting comes from, at one dataset and IPC.

    >>> print(Origin("published", "paper, section 4.1"))
    published: paper, section 4.1
    """

    kind: Literal["published", "inferred", "extrapolated", "chosen"]
    """How near the value is to its authors:

    * published: their paper or code has it for this dataset and IPC
    * inferred: they do not say, or contradict themselves; there is evidence for it
    * extrapolated: they have it for another dataset, IPC or method
    * chosen: there is nothing to follow, it is the plug-in's own
    """
    source: str
    """Where it stands, what it was concluded or carried over from, or why it was chosen."""

    def __str__(self) -> str:
        return f"{self.kind}: {self.source}"
