"""How far the condensed set is from the training set in the moments of random features: Table 1 of the M3D paper."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from pydantic import Field

import dcbench
from dcbench.toolbox.devices import retry_with_smaller_chunk
from dcbench.toolbox.pixels import Normaliser

if TYPE_CHECKING:
    from torch import Tensor, nn

    from dcbench import CondensedSet, Context, Evaluation, ImageSet

METRICS = ("mean_distance", "variance_distance", "skewness_distance")

_CONSTANT = 1e-12  # a feature whose variance is below has no shape, and no skewness


class MomentsSettings(dcbench.Settings):
    """Where features come from."""

    network: str = Field("convnet3", description="architecture whose features are compared; never trained")
    draws: int = Field(5, ge=1, description="random networks that one repeat averages over")


class Moments(dcbench.Evaluator[MomentsSettings]):
    """Compares moments of the features of both sets, class by class, over several random networks.

    For a class and a freshly initialised network, let m, v and s be the vectors of the means, variances and skewnesses
    (third central moment over the variance to the power 1.5; 0 for a constant) of the D features of ``embed``, over all
    decoded condensed images or all training images of the class. The three metrics are the Euclidean distances between
    the two sets' m, v and s, averaged over classes and networks. Images are normalised and not augmented. With soft
    labels an image is of its likeliest class, and classes that no image is of are left out.

    The paper (Table 1) defines its distances no further, so its numbers can be compared in their order only.
    """

    Settings = MomentsSettings

    metric: ClassVar[str] = "mean_distance"
    unit: ClassVar[Literal["percent", "distance"]] = "distance"

    def evaluate(
        self,
        condensed: CondensedSet,
        train: ImageSet,
        test: ImageSet,  # noqa: ARG002  (what is compared is the training set)
        context: Context,
        settings: MomentsSettings,
    ) -> Evaluation:
        """Return the three metrics, one value for each of ``context.seeds``."""
        images, labels = condensed.decode(train)
        own = (labels.argmax(1) if labels.ndim == 2 else labels).cpu()
        ours = {label: images[own == label] for label in sorted(set(own.tolist()))}
        rows, draws, total = [], range(settings.draws), len(context.seeds) * settings.draws
        for number, seed in enumerate(context.seeds):
            distances = []
            for draw in draws:
                network_seed = dcbench.derive_seed(purpose="moments", seed=seed, draw=draw)
                distances.append(_distances(settings.network, network_seed, ours, train, context))
                context.progress(number * settings.draws + draw + 1, total)
            rows.append(torch.stack(distances).mean(0).tolist())
        return dcbench.Evaluation(dict(zip(METRICS, map(tuple, zip(*rows, strict=True)), strict=True)))


def _distances(name: str, seed: int, ours: dict[int, Tensor], train: ImageSet, context: Context) -> Tensor:
    """Return the three distances (3,) under the network *name* of *seed*, averaged over the classes of *ours*.

    The moments of the training images take nearly all of the time and are the same for every condensed set: the first
    evaluation that needs them keeps them for all.
    """
    network = context.network(name, seed).eval()

    def build(_: int) -> dict[str, Tensor]:
        classes = [moments(network, train.images[index], context) for index in train.class_index]
        return {"moments": torch.stack(classes).cpu()}

    theirs = context.artifact({"artifact": "moments of features", "network": name, "seed": seed}, build)["moments"]
    per_class = [
        torch.linalg.vector_norm(moments(network, images, context) - theirs[label].to(context.device), dim=1)
        for label, images in ours.items()
    ]
    return torch.stack(per_class).mean(0)


@torch.no_grad()
def moments(network: nn.Module, images: Tensor, context: Context) -> Tensor:
    """Return means, variances and skewnesses (3, D) float64 of the features of *images* (N, C, H, W).

    The images pass ``context.chunk`` at a time, fewer where memory runs out, and only sums of powers are kept; in
    float64 these lose nothing that float32 features had.
    """
    normaliser = Normaliser.for_network(context.info.mean, context.info.std, network)

    def sums(chunk: int) -> Tensor:
        total: Tensor | float = 0.0
        for part in torch.split(images, chunk):
            features = network.embed(normaliser.normalise(part)).double()  # type: ignore[operator]
            total = total + torch.stack([features.sum(0), features.square().sum(0), features.pow(3).sum(0)])
        return torch.as_tensor(total)

    first, second, third = retry_with_smaller_chunk(sums, context.chunk) / len(images)
    variance = (second - first.square()).clamp_min(0)
    central = third - 3 * first * second + 2 * first.pow(3)
    skewness = torch.where(variance > _CONSTANT, central / variance.clamp_min(_CONSTANT).pow(1.5), 0)
    return torch.stack([first, variance, skewness])
