"""The paired test and its correction, written out: every pattern of signs, and one threshold after the other."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product


def sign_flip_p(differences: Sequence[Fraction]) -> Fraction:
    """Return the share of sign patterns whose mean is at least as far from zero as the one of *differences*."""
    observed = abs(sum(differences))
    patterns = list(product((-1, 1), repeat=len(differences)))
    beyond = [
        signs
        for signs in patterns
        if abs(sum(sign * value for sign, value in zip(signs, differences, strict=True))) >= observed
    ]
    return Fraction(len(beyond), len(patterns))


def holm_rejects(p_values: Sequence[float], level: float) -> list[bool]:
    """Return which hypotheses Holm's method rejects at *level*: it goes on until the first that it keeps."""
    rejected = [False] * len(p_values)
    for step in range(len(p_values)):
        waiting = [row for row in range(len(p_values)) if not rejected[row]]
        least = min(waiting, key=lambda row: p_values[row])
        if p_values[least] > level / (len(p_values) - step):
            break
        rejected[least] = True
    return rejected
