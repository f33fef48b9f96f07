"""What matching lowers: distances between synthetic and real features, for all classes at once, and terms added to it.

Discrepancies are squared and biased V-statistics, as in the M3D code: means over all pairs, diagonals included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
from torch import nn
from torch.nn import functional

from dcbench import RequestError

if TYPE_CHECKING:
    from torch import Tensor


class Objective(Protocol):
    """What matching lowers: one number per class."""

    def __call__(self, synthetic: Tensor, real: Tensor, *, value: bool) -> Tensor:
        """Compare features of each class.

        Args:
            synthetic: (classes, n, D), with gradient.
            real: (classes, m, D), without gradient.
            value: whether the number itself is wanted. Terms without gradient may be left out if it is not.

        Returns:
            (classes,)
        """


class Term(Protocol):
    """What is added to an `Objective`: one number per class, from the synthetic side alone."""

    def __call__(self, network: nn.Module, features: Tensor) -> Tensor:
        """Rate the synthetic features (classes, n, D), with gradient, under *network*; return (classes,)."""


def squared_distances(left: Tensor, right: Tensor) -> Tensor:
    """Return squared Euclidean distances (classes, n, m) between rows (classes, n, D) and (classes, m, D)."""
    lengths = left.square().sum(-1).unsqueeze(-1) + right.square().sum(-1).unsqueeze(-2)
    # Rounding can leave a distance of zero slightly negative.
    return torch.baddbmm(lengths, left, right.mT, alpha=-2).clamp_min(0)


def bandwidth(synthetic: Tensor, real: Tensor) -> Tensor:
    """Return the mean squared distance between different rows of the pooled features, without gradient.

    In closed form: over n rows, the squared distances sum to ``2 n sum |z|^2 - 2 |sum z|^2``.

    Args:
        synthetic: (classes, n, D)
        real: (classes, m, D)

    Returns:
        (classes, 1, 1); 1 where all rows are equal, since then every width gives the same kernel.
    """
    rows = torch.cat([synthetic, real], 1).detach()
    count = rows.shape[1]
    total = 2 * count * rows.square().sum((1, 2)) - 2 * rows.sum(1).square().sum(1)
    width = total / (count**2 - count)
    # Gradients are divided by it: a tiny number in the place of zero makes them overflow.
    return torch.where(width > torch.finfo(rows.dtype).tiny, width, 1.0).view(-1, 1, 1)


def gaussian_mmd(synthetic: Tensor, real: Tensor, *, value: bool) -> Tensor:
    """Squared MMD under the sum of five Gaussian kernels with 1/4, 1/2, 1, 2 and 4 times the adaptive `bandwidth`.

    The kernel is ``sum_m exp(-|x - y|^2 / (m b))`` (``m3dloss.py`` of the M3D code; the paper says "Gaussian" and gives
    no bandwidth). See `Objective` for arguments and shapes.
    """
    # Distances do not change when all features move together; small numbers keep them exact in float32.
    centre = real.mean(1, keepdim=True)
    synthetic, real = synthetic - centre, real - centre
    width = bandwidth(synthetic, real)
    cross = _five(squared_distances(synthetic, real) / width).mean((1, 2))
    result = _five(squared_distances(synthetic, synthetic) / width).mean((1, 2)) - 2 * cross
    return result + _five(squared_distances(real, real) / width).mean((1, 2)) if value else result


def _five(scaled: Tensor) -> Tensor:
    """Sum exp(-d/m) over m = 4, 2, 1, 1/2, 1/4 with one exponential: each is the square of the one before."""
    term = torch.exp(scaled / -4)
    total = term
    for _ in range(4):
        term = term.square()
        total = total + term
    return total


def linear_mmd(synthetic: Tensor, real: Tensor, *, value: bool) -> Tensor:  # noqa: ARG001  (the value costs nothing more)
    """Squared MMD under ``x . y``: the squared distance of the mean features, which is DM's loss. See `Objective`."""
    return (synthetic.mean(1) - real.mean(1)).square().sum(1)


def polynomial_mmd(synthetic: Tensor, real: Tensor, *, value: bool) -> Tensor:
    """Squared MMD under ``(x . y + 1)^2``. See `Objective`."""
    result = _polynomial(synthetic, synthetic) - 2 * _polynomial(synthetic, real)
    return result + _polynomial(real, real) if value else result


def _polynomial(left: Tensor, right: Tensor) -> Tensor:
    return (torch.bmm(left, right.mT) + 1).square().mean((1, 2))


def moment_distance(order: int) -> Objective:
    """Return DM's loss with higher moments: squared distances of means, variances and third central moments.

    The rows "DM", "+ 2nd order" and "+ 3rd order" of Table 1 of the M3D paper, which does not define the terms further.
    Variances are biased. Third moments are not divided by the variance, so that they have a gradient at zero variance.

    Args:
        order: the highest moment, 1 to 3; with 1 it is `linear_mmd`.
    """

    def objective(synthetic: Tensor, real: Tensor, *, value: bool) -> Tensor:  # noqa: ARG001  (as for linear_mmd)
        return (_moments(synthetic, order) - _moments(real, order)).square().sum((0, 2))

    return objective


def _moments(features: Tensor, order: int) -> Tensor:
    """Return mean and central moments up to *order*, (order, classes, D), of (classes, n, D)."""
    mean = features.mean(1)
    centred = features - mean.unsqueeze(1)
    return torch.stack([mean, *(centred.pow(power).mean(1) for power in range(2, order + 1))])


class ClassAwareRegularisation:
    """A `Term` of IDM (Zhao et al., CVPR 2023): cross-entropy of the synthetic images under the matched network.

    It is weighted by the accuracy of the network: a network that confuses the classes has little to say about them.

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
                f"{type(network).__name__} has no layer named classifier from features to logits; "
                "choose another network"
            )
        narrow = features.flatten(0, 1).to(next(classifier.parameters()).dtype)
        logits = classifier(narrow).to(features.dtype)
        labels = self._labels.unsqueeze(1).expand(-1, features.shape[1]).flatten()
        losses = functional.cross_entropy(logits, labels, reduction="none").view(features.shape[:2])
        return self._weight * self._accuracy * losses.mean(1)
