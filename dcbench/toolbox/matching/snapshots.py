"""When a matching run keeps its set."""

from __future__ import annotations


def snapshot_steps(total: int) -> tuple[int, ...]:
    """Return the steps after which a run of *total* steps keeps a snapshot: 0, then 10, 20, 50, 100, ... below it."""
    later = (digit * 10**power for power in range(1, len(str(total))) for digit in (1, 2, 5))
    return (0, *(step for step in later if step < total))
