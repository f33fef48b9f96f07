"""What several protocols have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dcbench import DatasetInfo


def without(strategy: str, *operations: str) -> str:
    """Return *strategy* with *operations* left out."""
    return "_".join(name for name in strategy.split("_") if name not in operations)


def allowed(strategy: str, info: DatasetInfo) -> str:
    """Return *strategy* without flip if a mirrored image of *info* may be of another class."""
    return strategy if info.mirror_ok else without(strategy, "flip")


def vico_milestones(epochs: int) -> tuple[int, ...]:
    """Return where the DC, DSA and DM code drops the learning rate in *epochs* epochs.

    That code (``VICO-UoE/DatasetCondensation``, ``utils.py``, ``evaluate_synset``) counts epochs 0..E and lowers the
    rate at the end of epoch E // 2 + 1, so that the next one is the first with the new rate.
    """
    last = epochs - 1
    return (last // 2 + 2,)


def idc_milestones(epochs: int) -> tuple[int, ...]:
    """Return where the IDC code drops the learning rate: after two thirds and five sixths of *epochs*."""
    return (2 * epochs // 3, 5 * epochs // 6)
