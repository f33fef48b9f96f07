"""Matching of features: everything that a distribution-matching method is built from, each part usable alone."""

from __future__ import annotations

from dcbench.toolbox.matching.learnable import LearnableSet, Space, initial_pixels
from dcbench.toolbox.matching.loop import Matching, match
from dcbench.toolbox.matching.objectives import Objective, gaussian_mmd, linear_mmd, moment_distance, polynomial_mmd
from dcbench.toolbox.matching.optimiser import MatchingSGD
from dcbench.toolbox.matching.sampling import ClassSampler, RealImages
from dcbench.toolbox.matching.shared_settings import (
    MatchingSettings,
    QueueSettings,
    largest_factor,
    snapshot_steps,
    validate,
)
from dcbench.toolbox.matching.step import embed

__all__ = [
    "ClassSampler",
    "LearnableSet",
    "Matching",
    "MatchingSGD",
    "MatchingSettings",
    "Objective",
    "QueueSettings",
    "RealImages",
    "Space",
    "embed",
    "gaussian_mmd",
    "initial_pixels",
    "largest_factor",
    "linear_mmd",
    "match",
    "moment_distance",
    "polynomial_mmd",
    "snapshot_steps",
    "validate",
]
