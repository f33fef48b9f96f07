"""One matching step, from what was drawn to images that have moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor, nn

    from dcbench.toolbox.matching.draws import Draws
    from dcbench.toolbox.matching.kernels import Objective
    from dcbench.toolbox.matching.learnable import LearnableSet
    from dcbench.toolbox.matching.matched_features import MatchedFeatures
    from dcbench.toolbox.matching.optimiser import MatchingSGD
    from dcbench.toolbox.matching.regularisation import ClassAwareRegularisation


class MatchingStep:
    """Moves the images of a `LearnableSet` by one step; holds no random state."""

    def __init__(
        self,
        learnable: LearnableSet,
        optimiser: MatchingSGD,
        features: MatchedFeatures,
        objective: Objective,
        regularisation: ClassAwareRegularisation | None,
    ) -> None:
        """Take the parts."""
        self.features = features
        """How many images go through a network at once, and by which function, may be changed between steps."""
        self._learnable, self._optimiser = learnable, optimiser
        self._objective, self._regularisation = objective, regularisation

    def __call__(self, network: nn.Module, draws: Draws, *, value: bool) -> Tensor:
        """Do the step. If it raises, nothing was changed but pixels brought back into [0, 1].

        Args:
            network: frozen; what it computes is of the type of its weights, everything else of that of the images.
            draws: as `Drawer` makes them, settled or not.
            value: whether the returned loss must be the whole loss; otherwise terms without gradient may be missing.

        Returns:
            the loss before the step, summed over classes; a scalar on the device.
        """
        self._learnable.clamp()
        position = self._optimiser.visit()
        training = self._learnable.training_images(position).flatten(0, 1)
        if draws.chosen is not None:
            training = training[draws.chosen]  # index_select waits for the GPU on the way back if bits are to be equal
        real = self.features.real(network, draws)
        synthetic = self.features.synthetic(network, training, draws)
        losses = self._objective(synthetic, real, value=value)
        if self._regularisation is not None:
            losses = losses + self._regularisation(network, synthetic)
        loss = losses.sum()
        torch.autograd.backward(loss)
        self._optimiser.step()
        return loss.detach()
