"""Linear-probe: what a linear model learns from the pixels of a condensed set. It takes seconds on a CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from pydantic import Field
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits
from torch.nn import functional

import dcbench
from dcbench.toolbox.pixels import Normaliser

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from dcbench import CondensedSet, Context, DatasetInfo, Evaluation, ImageSet


_STEPS = 1000  # of L-BFGS at most; scikit-learn warns where they do not reach the minimum


class LinearProbe(dcbench.Evaluator):
    """Accuracy on the test set of multinomial logistic regression fitted to the decoded condensed images.

    The fit minimises the mean cross-entropy plus half of *l2* times the sum of the squared weights, over normalised
    pixels. That is convex: the answer depends on no seed, and every repeat has the same one.
    """

    metric: ClassVar[str] = "linear_accuracy"

    class Settings(dcbench.Settings):
        """How the model is fitted."""

        l2: float = Field(0.01, gt=0, description="weight of the L2 penalty next to the mean cross-entropy")

    def evaluate(
        self,
        condensed: CondensedSet,
        train: ImageSet,
        test: ImageSet,
        context: Context,
        settings: Settings,
    ) -> Evaluation:
        """Return the accuracy in percent, once for each of ``context.seeds``."""
        images, labels = condensed.decode(train)
        # One thread: the same bits however many cores there are, and none taken from the other jobs of a run.
        with threadpool_limits(1):
            model = _fit(_flat(images, context.info), labels, context.info.classes, settings)
            correct = 0
            for part in torch.split(torch.arange(len(test)), context.chunk):
                predicted = model.predict(_flat(test.images[part], context.info))
                correct += int((predicted == test.labels[part].numpy()).sum())
        accuracy = 100 * correct / len(test)
        context.progress(1, 1, accuracy=accuracy)
        return dcbench.Evaluation({self.metric: (accuracy,) * len(context.seeds)})


def _fit(rows: NDArray[np.float64], labels: Tensor, classes: int, settings: LinearProbe.Settings) -> LogisticRegression:
    """Fit to *rows* (N, D) with *labels*, hard (N,) or soft (N, classes).

    An image with a soft label counts once for each class, with the probability as its weight.
    """
    shares = functional.one_hot(labels, classes).double() if labels.ndim == 1 else labels.double()
    image, label = shares.nonzero(as_tuple=True)
    # scikit-learn weighs the sum of the cross-entropies by C, next to half of the squared weights.
    model = LogisticRegression(C=1 / (settings.l2 * len(rows)), max_iter=_STEPS)
    return model.fit(rows[image], label.numpy(), sample_weight=shares[image, label].numpy())


def _flat(images: Tensor, info: DatasetInfo) -> NDArray[np.float64]:
    """Return normalised pixels (N, C*H*W) of *images* (N, C, H, W), uint8 or floating in [0, 1]."""
    normaliser = Normaliser(info.mean, info.std, dtype=torch.float64)
    flat: NDArray[np.float64] = normaliser.normalise(images).flatten(1).numpy()
    return flat
