"""Two results folders side by side, written out: every name and every pair of networks, one by one."""

from __future__ import annotations

from collections.abc import Mapping

Figures = Mapping[tuple[str, int], float]
"""(key of the trial, repeat) to its metric."""


def only_in(here: Mapping[str, object], there: Mapping[str, object]) -> set[str]:
    """Return the names of *here* that are not *there*."""
    found = set()
    for name in here:
        if all(name != other for other in there):
            found.add(name)
    return found


def differences(a: Figures, b: Figures) -> list[float]:
    """Return B minus A for each network that both have."""
    found = []
    for (key, repeat), value in a.items():
        for (other_key, other_repeat), other in b.items():
            if (key, repeat) == (other_key, other_repeat):
                found.append(other - value)
    return found
