"""The features in which selection methods compare images: those of a network trained on the whole training set."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from pydantic import Field

from dcbench import DcbenchError, Origin, Settings, TrainingRecipe
from dcbench.toolbox.devices import fits, moved_if_room, retry_with_smaller_chunk
from dcbench.toolbox.pixels import Normaliser
from dcbench.toolbox.recipes import LARGE, LARGE_NETWORK, TINY, TINY_NETWORK, TINY_NETWORK_ORIGIN, origins_at
from dcbench.toolbox.training import train

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from torch import Tensor, nn

    from dcbench import DatasetInfo, Task

PASSES = 120_000
"""Images of 32 x 32 pixels, per channel, that a feature network is trained on by default; this bounds its cost."""


class FeatureSettings(Settings):
    """How the feature network is made. Methods with equal values share one trained network per replicate."""

    added_later: ClassVar[frozenset[str]] = frozenset({"augmentation"})

    network: str = Field("convnet3", description="architecture whose embedding is the feature space")
    epochs: int = Field(
        15, ge=0, description="passes over the training set when the feature network is trained; 0 leaves it random"
    )
    batch_size: int = Field(64, ge=1, description="images per training step of the feature network")
    lr: float = Field(
        0.03,
        gt=0,
        description="learning rate at the start; x0.2 after 2/3 and after 5/6 of the epochs, once where these are one",
    )
    augmentation: Literal["none", "dc"] = Field(
        "none",
        description="of the images that the feature network is trained on; dc: one of crop, scale and bilinear "
        "rotation for each, nearly as DC trains networks on MNIST",
    )

    def recipe(self, info: DatasetInfo) -> TrainingRecipe | None:
        """Return how the feature network is trained on *info*: SGD with momentum and two drops of lr.

        None if it is not trained.
        """
        if not self.epochs:
            return None
        drops = {self.epochs * 2 // 3, self.epochs * 5 // 6} - {0}
        return TrainingRecipe(
            epochs=self.epochs,
            batch_size=self.batch_size,
            lr=self.lr,
            milestones=tuple(sorted(drops)),
            gamma=0.2,
            augmentation=self.augmentation,
            strategy="" if self.augmentation == "none" else "crop_scale_rotate",
            mean=info.mean,
            std=info.std,
            repeats=1,
        )


def class_features(task: Task, settings: FeatureSettings) -> Iterator[Tensor]:
    """Yield the features (n, D) float32 of each class of ``task.classes``; those of one class exist at a time.

    Progress is reported in epochs of training and, after those, in classes. The rows of a class are in the order of
    ``task.train.class_index``, on the task's device.

    Raises:
        DcbenchError: a feature is infinite or not a number.
    """
    network = feature_network(task, settings)
    total = settings.epochs + len(task.classes)
    for done, label in enumerate(task.classes, 1):
        features = image_features(network, task, task.train.class_index[label])
        if not features.sum().isfinite():
            raise DcbenchError(
                f"the features of class {task.info.class_names[label]} are not all numbers: the training of "
                f"{settings.network} diverged; choose a smaller lr than {settings.lr:g}"
            )
        yield features
        task.progress(settings.epochs + done, total)


def feature_network(task: Task, settings: FeatureSettings) -> nn.Module:
    """Return a network in eval mode, trained on ``task.train`` as *settings* say, once for all cells of a replicate.

    The artifact is named by network, recipe and replicate: all IPCs of a replicate have one feature space, and each
    replicate has another. Methods that do not share artifacts train a network each, from the same seed.
    """
    recipe = settings.recipe(task.info)
    key = {
        "artifact": "feature network",
        "network": settings.network,
        "recipe": recipe.key_form() if recipe else None,
        "replicate": task.replicate,
    }

    def build(seed: int) -> dict[str, Tensor]:
        network = task.network(settings.network, seed)
        if recipe:
            _train(network, task, recipe, seed)
        return {name: tensor.detach().cpu() for name, tensor in network.state_dict().items()}

    weights = task.artifact(key, build)
    network = task.network(settings.network, 0)
    network.load_state_dict(weights)
    # channels_last: convolution and pooling of large batches run faster on a CPU
    return network.eval().to(memory_format=torch.channels_last)


def _train(network: nn.Module, task: Task, recipe: TrainingRecipe, seed: int) -> None:
    images = task.train.images
    if fits(images, task.device):
        images = moved_if_room(images, task.device)
    total = recipe.epochs + len(task.classes)
    # A network with dropout draws from the global generators, and every cell that trains it must get the same weights.
    with torch.random.fork_rng([task.device] if task.device.type == "cuda" else []):
        torch.manual_seed(seed)
        train(
            network,
            images,
            task.train.labels,
            recipe,
            generator=torch.Generator().manual_seed(seed),
            after_epoch=lambda epoch: task.progress(epoch, total),
        )


@torch.no_grad()
def image_features(network: nn.Module, task: Task, indices: Tensor) -> Tensor:
    """Return features (n, D) float32 of the training images at *indices* (n,), ``task.chunk`` at a time.

    The images are normalised with the mean and std of the dataset. *network* keeps its mode, and the features stay on
    its device. When memory runs out, ``task.chunk`` is halved.
    """
    normaliser = Normaliser.for_network(task.info.mean, task.info.std, network)
    images = task.train.images

    def attempt(chunk: int) -> Tensor:
        task.chunk = chunk
        parts = [
            # moved as uint8: float32 has four times the bytes
            network.embed(normaliser.normalise(images[part].to(normaliser.device))).float()  # type: ignore[operator]
            for part in torch.split(indices, chunk)
        ]
        return torch.cat(parts)

    return retry_with_smaller_chunk(attempt, task.chunk)


def recommended(info: DatasetInfo) -> FeatureSettings:
    """Return settings that give a good feature space at a bounded cost.

    Networks for small images are trained on the pixels of `PASSES` images per channel, in 2 to 15 epochs: 15 on the
    digits, 2 on the 60,000 images of MNIST, and 7 on the 50,000 of CIFAR-10, whose classes are harder to tell apart.
    For images of 128 pixels and more it is ResNetAP-10, as in M3D and IDC, trained for 15 epochs; below 16 pixels it is
    a network that does not shrink them to one pixel.
    """
    channels, _, size = info.shape
    if size >= LARGE:
        return FeatureSettings(network=LARGE_NETWORK)
    network = TINY_NETWORK if size < TINY else FeatureSettings().network
    epochs = PASSES * 32**2 * channels // (sum(info.train_counts) * size**2)
    return FeatureSettings(network=network, epochs=min(15, max(2, epochs)))


def recommended_origins(
    info: DatasetInfo,
    ipc: int,
    *,
    published_for: Collection[str] = (),
    further: Mapping[str, Origin] | None = None,
) -> dict[str, Origin]:
    """Return where the values of `recommended` come from.

    Args:
        info: the dataset.
        ipc: images per class.
        published_for: the datasets on which the coreset code of IDC has the method.
        further: origins of the other settings of the method on these datasets.
    """
    large = info.shape[-1] >= LARGE
    layer = "pooled features of ResNetAP-10" if large else "last block of ConvNet-3"
    origins = {
        "network": Origin("published", f"code of IDC, coreset.py: {layer}"),
        **dict.fromkeys(
            ("epochs", "batch_size", "lr", "augmentation"),
            Origin("chosen", "a good feature space at a bounded cost on a CPU; IDC trains with DSA and CutMix"),
        ),
        **(further or {}),
    }
    if info.shape[-1] < TINY:
        origins["network"] = TINY_NETWORK_ORIGIN
    return origins_at(info, ipc, origins, datasets=published_for, ipcs=(10, 20) if large else (1, 10, 50))
