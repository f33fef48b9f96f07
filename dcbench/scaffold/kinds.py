"""The kinds of plug-in that a package can be started with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What the templates do not know of a kind by its name."""

    summary: str
    """What the plug-in does as it is written, for its record."""
    options: str
    """Options of ``dcbench run`` that show it, next to a built-in of its kind where that is quick; ``{name}`` stands
    for its name."""
    upkeep: str
    """What its author has to know before changing it."""


_REVISION = "Raise its `revision` when its numbers change: earlier results then no longer count as its own."

KINDS = {
    "method": Kind(
        summary="each image is the mean of a few training images",
        options="--methods {name},random",
        upkeep=_REVISION,
    ),
    "dataset": Kind(
        summary="bright bars in noise, made up",
        options="--datasets {name} --methods random,dm",
        upkeep="Earlier results no longer count as those of this dataset when its pixels, labels, mean or std change.",
    ),
    "evaluator": Kind(
        summary="accuracy of the nearest condensed image",
        options="--evaluators accuracy,{name} --methods random,herding",
        upkeep=_REVISION,
    ),
    "network": Kind(
        summary="a perceptron with one hidden layer",
        options="--networks {name},convnet3 --methods random",
        upkeep="Raise its `revision` when it changes: earlier results with it then no longer count.",
    ),
    "protocol": Kind(
        summary="plain SGD without augmentation",
        options="--protocol {name},short --methods random",
        upkeep="The recipe is part of the name of a result, so results of an earlier recipe never pass for this one's.",
    ),
}
"""The kinds, by the word that ``--kind`` takes."""
