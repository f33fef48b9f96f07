"""A paired test: whether two series of metrics, made with the same evaluation seeds, differ by more than chance."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_EXACT = 30  # pairs; each half then has 2**15 patterns of signs, and beyond it the normal limit is close
_ROUNDING = 1e-9  # of the sum of absolute differences: sums that are equal but for rounding count as equal


def sign_flip_p(differences: Sequence[float]) -> float | None:
    """Return the two-sided p-value of the sign-flip permutation test of the mean of paired *differences*.

    If the two sides of a pair could as well be exchanged, every pattern of signs of the differences is equally likely.
    The p-value is the share of the 2**n patterns whose mean is at least as far from zero as the observed one. Unlike
    the paired t-test it assumes no normal distribution and estimates no variance, which matters here: accuracies on
    small test sets are coarse, so that two or three differences are often equal, and t is infinite then. The cost is
    that p is never below 2**(1 - n): five pairs cannot reach 0.05.

    It is exact up to 30 pairs, from the sums of either half of the pairs, and the normal limit beyond.

    Args:
        differences: one for each pair. Pairs are taken as independent: with several networks on one condensed set, the
            p-value is about these sets and not about others that the method could have made.

    Returns:
        the p-value, or None for fewer than two pairs.
    """
    values = np.asarray(differences, dtype=np.float64)
    if len(values) < 2:
        return None
    values = values[values != 0]  # a zero changes no sum, with either sign
    scale = float(np.abs(values).sum())
    if scale == 0:
        return 1.0
    observed = max(0.0, abs(float(values.sum())) - _ROUNDING * scale)
    if len(values) > _EXACT:
        return math.erfc(observed / math.sqrt(2 * float(np.square(values).sum())))
    return _share_beyond(values, observed)


def _share_beyond(values: NDArray[np.float64], bound: float) -> float:
    """Return the share of sign patterns of *values* whose sum lies at or beyond *bound* on either side of zero."""
    half = len(values) // 2
    first, second = _signed_sums(values[:half]), np.sort(_signed_sums(values[half:]))
    above = len(second) - np.searchsorted(second, bound - first, side="left")
    # Sums of all patterns are symmetric about zero.
    return min(1.0, float(2 * above.sum() / 2 ** len(values)))


def _signed_sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the 2**n sums of *values* (n,) under all patterns of signs."""
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums - value, sums + value])
    return sums


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return *p_values* corrected for how many there are, by Holm's step-down method (Scand. J. Statist. 6, 1979).

    A row whose corrected value is below 0.05 stands at a family-wise error rate of 5 %, whatever the rows' dependence.
    Rows without a test (None) do not count.
    """
    tested = sorted((value, row) for row, value in enumerate(p_values) if value is not None)
    corrected: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (value, row) in enumerate(tested):
        largest = max(largest, min(1.0, (len(tested) - rank) * value))
        corrected[row] = largest
    return corrected
