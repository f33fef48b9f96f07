"""What is measured: a case has a fast path, mostly a literal twin of it, and a cost that both share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from benchmarks.counting import Cost

if TYPE_CHECKING:
    from dcbench.engine.work.runtime import Runtime

Call = Callable[[], object]
"""Does the work that is measured, once."""

PathName = Literal["literal", "fast"]


@dataclass(frozen=True, kw_only=True)
class Case(ABC):
    """One row of the table. Small and free of tensors: it travels to the processes that measure it."""

    name: str
    """Unique; sizes that differ from those of the published recipes are part of it."""
    what: str
    """The sizes, in words."""
    quick: bool = False
    """Whether it belongs to the quick table; otherwise it belongs to the full one."""
    cpu: bool = True
    """Whether a CPU measures it without being asked by name."""
    gpu_warm_up: int = 8
    """Calls before the measurement on a GPU: steps are compiled and captured in the first ones."""

    @abstractmethod
    def fast(self, runtime: Runtime) -> Call:
        """Return the fast path, as a worker that was given *runtime* would run it."""

    def literal(self, runtime: Runtime) -> Call | None:  # noqa: ARG002  (for those that have one)
        """Return the literal twin, on the device of *runtime*; None if there is none."""
        return None

    def cost(self) -> Cost:
        """Return what one call cannot do without; nothing where that is not counted."""
        return Cost()
