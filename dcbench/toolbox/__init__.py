"""What a method or an evaluator may build with. Each part is usable by itself, outside of the bench too."""

from __future__ import annotations

from dcbench.api.renamed import moved_module

_FEATURES = "dcbench.toolbox.selection.features"

# Modules of dcbench 0.1 that plug-ins may import, and where their contents are now.
moved_module(
    f"{__name__}.features",
    {
        "embed": f"{_FEATURES}.image_features",
        **{
            name: f"{_FEATURES}.{name}"
            for name in (
                *("PASSES", "FeatureSettings", "class_features", "feature_network"),
                *("recommended", "recommended_origins"),
            )
        },
    },
)
moved_module(
    f"{__name__}.memory",
    {
        "halving": f"{__name__}.devices.retry_with_smaller_chunk",
        "fits": f"{__name__}.devices.fits",
        "RESIDENT_SHARE": f"{__name__}.devices.RESIDENT_SHARE",
    },
)
