"""Augmentation of a whole batch at a time, with numbers drawn from a generator of the caller.

Drawing and applying are two calls: several batches can share one draw, and a GPU applies what a CPU drew.
"""

from __future__ import annotations

from dcbench.toolbox.augment.cutmix import CutMix, Mix
from dcbench.toolbox.augment.dc import DCAugmentation, DCDraw
from dcbench.toolbox.augment.draws import OPERATIONS, Draw, TensorDraw
from dcbench.toolbox.augment.imagenet import ImageNetAugmentation
from dcbench.toolbox.augment.strategy import Augmentation

__all__ = [
    "OPERATIONS",
    "Augmentation",
    "CutMix",
    "DCAugmentation",
    "DCDraw",
    "Draw",
    "ImageNetAugmentation",
    "Mix",
    "TensorDraw",
]
