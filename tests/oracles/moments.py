"""Moments of features, number by number, and how far two sets are apart in them."""

from __future__ import annotations

import math

from torch import Tensor


def central_moments(values: list[float]) -> tuple[float, float, float]:
    """Mean, variance and third central moment of all *values*, by their definitions."""
    mean = sum(values) / len(values)
    return mean, *(sum((value - mean) ** power for value in values) / len(values) for power in (2, 3))


def standardised(values: list[float]) -> tuple[float, float, float]:
    """Mean, variance and skewness; the skewness of a constant is 0."""
    mean, variance, third = central_moments(values)
    return mean, variance, third / variance**1.5 if variance > 1e-12 else 0.0


def distances(left: Tensor, right: Tensor) -> tuple[float, float, float]:
    """Euclidean distances between the vectors of means, variances and skewnesses of (n, D) and (m, D) features."""
    pairs = [
        (standardised(left[:, column].tolist()), standardised(right[:, column].tolist()))
        for column in range(left.shape[1])
    ]
    one, two, three = (math.sqrt(sum((a[order] - b[order]) ** 2 for a, b in pairs)) for order in range(3))
    return one, two, three


def loss(synthetic: Tensor, real: Tensor, order: int) -> float:
    """Sum over columns and over moments up to *order* of squared differences of the central moments."""
    total = 0.0
    for column in range(synthetic.shape[1]):
        ours, theirs = (central_moments(rows[:, column].tolist()) for rows in (synthetic, real))
        total += sum((ours[power] - theirs[power]) ** 2 for power in range(order))
    return total
