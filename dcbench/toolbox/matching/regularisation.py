"""The class-aware regularisation of IDM: synthetic images must be told apart by the network that they match under."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

from dcbench import RequestError

if TYPE_CHECKING:
    from torch import Tensor


class ClassAwareRegularisation:
    """Cross-entropy of the synthetic images, weighted by how far the network can be trusted.

    Args:
        weight: factor of the whole.
        accuracy: () percent, 0 to 100; read at each call, so that it may change in place.
        classes: those whose images are learnt.
    """

    def __init__(self, weight: float, accuracy: Tensor, classes: range) -> None:
        self._weight, self._accuracy = weight, accuracy
        self._labels = torch.arange(classes.start, classes.stop, device=accuracy.device)

    def __call__(self, network: nn.Module, features: Tensor) -> Tensor:
        """Return weight x accuracy x mean cross-entropy of each class.

        Args:
            network: has ``classifier``, its last layer, from features to logits.
            features: (classes, n, D) of the synthetic images, with gradient.

        Returns:
            (classes,)

        Raises:
            RequestError: the network has no ``classifier``.
        """
        classifier = getattr(network, "classifier", None)
        if not isinstance(classifier, nn.Module):
            raise RequestError(
                f"{type(network).__name__} has no layer named classifier to take logits of features from"
            )
        narrow = features.flatten(0, 1).to(next(classifier.parameters()).dtype)
        logits = classifier(narrow).to(features.dtype)
        labels = self._labels.unsqueeze(1).expand(-1, features.shape[1]).flatten()
        losses = functional.cross_entropy(logits, labels, reduction="none").view(features.shape[:2])
        return self._weight * self._accuracy * losses.mean(1)
