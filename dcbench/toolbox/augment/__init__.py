"""Differentiable siamese augmentation and CutMix, for a batch at a time, with draws from a generator of the caller."""

from __future__ import annotations

from dcbench.toolbox.augment.cutmix import CutMix, Mix
from dcbench.toolbox.augment.dc import DCAugmentation, DCDraw
from dcbench.toolbox.augment.draws import OPERATIONS, Draw
from dcbench.toolbox.augment.imagenet import ImageNetAugmentation
from dcbench.toolbox.augment.strategy import Augmentation

__all__ = ["OPERATIONS", "Augmentation", "CutMix", "DCAugmentation", "DCDraw", "Draw", "ImageNetAugmentation", "Mix"]
