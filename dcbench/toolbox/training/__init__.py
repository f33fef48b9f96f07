"""Training networks on condensed sets, and scoring them."""

from __future__ import annotations

from dcbench.toolbox.training.scoring import accuracy
from dcbench.toolbox.training.side_by_side import train_side_by_side
from dcbench.toolbox.training.trainer import train

__all__ = ["accuracy", "train", "train_side_by_side"]
