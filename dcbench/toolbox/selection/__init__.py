"""Choosing training images in a feature space: the features, and what the rules of choice share."""

from __future__ import annotations

from dcbench.toolbox.selection.features import (
    FeatureSettings,
    class_features,
    feature_network,
    image_features,
    recommended,
    recommended_origins,
)
from dcbench.toolbox.selection.rules import (
    BLOCK_BYTES,
    FeatureSelection,
    Rule,
    check_ipc,
    class_blocks,
    first_least,
    inner_products,
    squared_norms,
)

__all__ = [
    "BLOCK_BYTES",
    "FeatureSelection",
    "FeatureSettings",
    "Rule",
    "check_ipc",
    "class_blocks",
    "class_features",
    "feature_network",
    "first_least",
    "image_features",
    "inner_products",
    "recommended",
    "recommended_origins",
    "squared_norms",
]
