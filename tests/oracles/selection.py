"""Herding and k-center as their definitions read, for one class.

`herding`, `nearest` and `k_center` are plain loops over exact fractions, ties going to the lowest index. The others are
the loops that published codes run: every distance computed anew for every pick.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

Vector = list[Fraction]


def exact(features: Sequence[Sequence[float]]) -> list[Vector]:
    """Return the numbers of *features* (n rows of D) as fractions: a float is one without any rounding."""
    return [[Fraction(number) for number in row] for row in features]


def mean(rows: list[Vector]) -> Vector:
    return [sum(column, Fraction(0)) / len(rows) for column in zip(*rows, strict=True)]


def squared_distance(left: Vector, right: Vector) -> Fraction:
    return sum(((a - b) ** 2 for a, b in zip(left, right, strict=True)), Fraction(0))


def herding(features: Sequence[Sequence[float]], count: int) -> list[int]:
    """Pick *count* rows: the k-th (from 0) is the unpicked row nearest to (k + 1) * mean - sum of the rows picked."""
    rows = exact(features)
    centre = mean(rows)
    running = [Fraction(0)] * len(centre)
    picked: list[int] = []
    for k in range(count):
        target = [(k + 1) * m - s for m, s in zip(centre, running, strict=True)]
        best = -1
        for candidate in range(len(rows)):
            if candidate in picked:
                continue
            if best < 0 or squared_distance(target, rows[candidate]) < squared_distance(target, rows[best]):
                best = candidate
        picked.append(best)
        running = [s + x for s, x in zip(running, rows[best], strict=True)]
    return picked


def nearest(features: Sequence[Sequence[float]], count: int) -> list[int]:
    """Pick the *count* rows that are nearest to the mean by themselves, the nearest first."""
    rows = exact(features)
    centre = mean(rows)
    return sorted(range(len(rows)), key=lambda row: (squared_distance(rows[row], centre), row))[:count]


def k_center(features: Sequence[Sequence[float]], count: int) -> list[int]:
    """Pick *count* rows: first the one nearest to the mean, then always the unpicked one farthest from all picked."""
    rows = exact(features)
    centre = mean(rows)
    first = 0
    for candidate in range(len(rows)):
        if squared_distance(rows[candidate], centre) < squared_distance(rows[first], centre):
            first = candidate
    picked = [first]
    while len(picked) < count:
        best, farthest = -1, Fraction(-1)
        for candidate in range(len(rows)):
            if candidate in picked:
                continue
            nearest = min(squared_distance(rows[candidate], rows[other]) for other in picked)
            if nearest > farthest:
                best, farthest = candidate, nearest
        picked.append(best)
    return picked


def herding_loop(features: Tensor, count: int) -> list[int]:
    """Pick *count* rows of *features* (n, D); equal to `herding` where nothing is tied."""
    mean, running = features.mean(0), torch.zeros_like(features[0])
    picked: list[int] = []
    for k in range(count):
        distances = ((k + 1) * mean - running - features).square().sum(1)
        distances[picked] = torch.inf
        picked.append(int(distances.argmin()))
        running += features[picked[-1]]
    return picked


def nearest_loop(features: Tensor, count: int) -> list[int]:
    """Pick *count* rows of *features* (n, D); equal to `nearest` where nothing is tied."""
    distances = (features - features.mean(0)).square().sum(1)
    picked: list[int] = distances.argsort()[:count].tolist()
    return picked


def k_center_loop(features: Tensor, count: int) -> list[int]:
    """Pick *count* rows of *features* (n, D); equal to `k_center` where nothing is tied."""
    picked = [int((features - features.mean(0)).square().sum(1).argmin())]
    nearest = torch.full_like(features[:, 0], torch.inf)
    while len(picked) < count:
        nearest = torch.minimum(nearest, (features - features[picked[-1]]).square().sum(1))
        nearest[picked] = -torch.inf
        picked.append(int(nearest.argmax()))
    return picked
