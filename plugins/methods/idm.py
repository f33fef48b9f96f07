"""IDM: match mean features under a queue of networks in training, and keep the classes apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import dcbench
from dcbench import Origin
from dcbench.toolbox.matching import QueueSettings, largest_factor, linear_mmd, match, snapshot_steps, validate
from dcbench.toolbox.matching.shared_settings import (
    BatchReal,
    Factor,
    ImageRate,
    Iterations,
    MixedInit,
    Semantics,
    Strategy,
)
from dcbench.toolbox.recipes import LARGE, TINY, TINY_IMAGENET, origins_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dcbench import CondensedSet, DatasetInfo, Task

_COMMAND = Origin("published", "code, command.txt over the defaults of IDM_cifar10.py")
_DEFAULT = Origin("published", "code, default in IDM_cifar10.py")
_LOOP = Origin("published", "code, the loop of IDM_cifar10.py")
_ORIGINS = {
    **dict.fromkeys(
        ("lr", "batch_real", "iterations_per_model", "ce_weight", "train_steps", "strategy", "network"), _COMMAND
    ),
    **dict.fromkeys(("iterations", "queue_size", "networks_trained", "train_batch", "train_lr"), _DEFAULT),
    **dict.fromkeys(("momentum", "train_momentum", "train_weight_decay", "batch_syn_max"), _LOOP),
    "factor": Origin("published", "code, number_sign_augment of dc_utils.py"),
    "init": Origin("published", "code, --aug of IDM_cifar10.py: four shrunk real images in each"),
    "augmentation": Origin("published", "code, DiffAugment of dc_utils.py in its single mode"),
    "accuracy_window": Origin("published", "code, command.txt: accuracies start anew at each evaluation"),
}
_TINY_IMAGENET = {
    **dict.fromkeys(
        ("lr", "ce_weight", "train_steps", "accuracy_window", "strategy", "network"),
        Origin("published", "code, command.txt over the defaults of IDM_tiny.py"),
    ),
    **dict.fromkeys(
        (
            *("iterations", "batch_real", "iterations_per_model", "queue_size", "networks_trained"),
            *("train_batch", "train_lr", "momentum", "train_momentum", "train_weight_decay"),
        ),
        Origin("published", "code, IDM_tiny.py"),
    ),
    **{name: _ORIGINS[name] for name in ("batch_syn_max", "factor", "augmentation")},
    "init": Origin("published", "code, --aug of IDM_tiny.py: a whole real image in each"),
}
_SUBSET = (
    "from the code, command.txt and IDM_imagenet.py, for another subset of ImageNet; that code takes the first 128 "
    "images of a class in every step and mixes raw and normalised pixels, which is not done here"
)
_LARGE_IMAGES = {
    **dict.fromkeys(_ORIGINS, Origin("extrapolated", _SUBSET)),
    "lr": Origin(
        "extrapolated",
        f"{_SUBSET}: 0.2 on pixels that are not normalised; on normalised ones a step has to be 1/std^2 times as large",
    ),
}
_TINY_IMAGES = {
    **dict.fromkeys(
        ("iterations", "batch_real", "iterations_per_model", "train_steps", "train_batch"),
        Origin("chosen", "a short run on one CPU core"),
    ),
    **dict.fromkeys(("factor", "init"), Origin("chosen", "whole images: tiles of 4 pixels did worse under m3d")),
    **dict.fromkeys(
        ("lr", "ce_weight"), Origin("chosen", "the best of a few on a held-out part of the training split of digits")
    ),
}


class IDMSettings(QueueSettings):
    """Settings of IDM; the defaults are those of the published code for CIFAR-10 at IPC 10."""

    iterations: Iterations = 20_000
    lr: ImageRate = 0.2
    factor: Factor = 2
    init: MixedInit = "mix-bilinear"
    batch_real: BatchReal = 256
    augmentation: Semantics = "dsa"
    strategy: Strategy = "color_crop_cutout_flip_scale_rotate"


class IDM(dcbench.Method[IDMSettings]):
    """IDM learns normalised, unclamped images whose tiles are enlarged to training images (partition and expansion).

    Each step matches mean features under one network of a queue, and adds the cross-entropy of the synthetic images
    under that network, weighted by its training accuracy. After each step a few networks of the queue are trained on
    real images. Steps go class by class as in the published code, here in closed form.

    It differs from that code in five ways:

    * The images that a set starts from are all different.
    * Networks are never pretrained; a command for ImageNet at IPC 50 pretrains them.
    * Images are normalised for ImageNet as for CIFAR. That code mixes raw and normalised pixels there, and the same
      change of brightness is stronger on raw ones.
    * Real images are drawn again in each step. For ImageNet that code uses the first 128 images of a class.
    * The last set is returned, not the best one on the test set.
    """

    cite = "Zhao et al., Improved Distribution Matching for Dataset Condensation, CVPR 2023"
    Settings: ClassVar[type[dcbench.Settings]] = IDMSettings
    by_class: ClassVar[bool] = True

    def settings_for(self, info: DatasetInfo, ipc: int) -> IDMSettings:
        """Return the values of the published commands for CIFAR-10, CIFAR-100, Tiny ImageNet and a subset of ImageNet.

        Other datasets get those of CIFAR-10, or from 100 classes on those of CIFAR-100; from 128 pixels on, those of
        the subset, with whole images above IPC 10. Up to IPC 10 the values are those for IPC 10, above it those for
        IPC 50. Below 16 pixels the run is short. From 128 pixels on the learning rate is 0.2 over the variance of a
        pixel: steps are then as large as in the code, which does not normalise.
        """
        size = info.shape[-1]
        if size < TINY:
            return _short(ipc)
        factor = largest_factor(2, min(info.train_counts), ipc)
        if size >= LARGE:
            few = ipc <= 10
            return IDMSettings(
                lr=4.0,
                factor=factor if few else 1,
                init="mix-bilinear" if few else "random",
                batch_real=128,
                iterations_per_model=50,
                queue_size=50 if few else 100,
                train_batch=128,
                accuracy_window=0,
                ce_weight=3.0,
                network="convnet[depth=6]",
            )
        if info.name == TINY_IMAGENET:
            return _tiny_imagenet(ipc)
        many = info.classes >= 100
        if ipc == 1:
            return IDMSettings(factor=factor, batch_real=5000, iterations_per_model=5)
        if ipc <= 10:
            return IDMSettings(factor=factor, ce_weight=0.1 if many else 0.5, train_steps=50 if many else 10)
        return IDMSettings(factor=factor, ce_weight=0.1, accuracy_window=500)

    def origins_for(self, info: DatasetInfo, ipc: int) -> Mapping[str, Origin]:
        """Return where the values of `settings_for` come from."""
        size, factor = info.shape[-1], self.settings_for(info, ipc).factor
        if size >= LARGE:
            origins = dict(_LARGE_IMAGES)
        elif info.name == TINY_IMAGENET:
            origins = origins_at(info, ipc, _TINY_IMAGENET, datasets=(TINY_IMAGENET,), ipcs=(1, 10, 50))
        else:
            origins = origins_at(info, ipc, _ORIGINS, datasets=("cifar10", "cifar100"), ipcs=(1, 10, 50))
        if size < TINY:
            return origins | _TINY_IMAGES
        if factor < 2 and size < LARGE:
            origins["factor"] = Origin("chosen", "the largest that the smallest class can fill")
        return origins

    def validate(self, info: DatasetInfo, ipc: int, settings: IDMSettings) -> None:
        """Refuse what `dcbench.toolbox.matching.validate` refuses."""
        validate(info, ipc, settings)

    def snapshot_steps(self, settings: IDMSettings) -> tuple[int, ...]:
        """Return the steps at which the matching loop keeps its set."""
        return snapshot_steps(settings.iterations)

    def condense(self, task: Task, settings: IDMSettings) -> CondensedSet:
        """Match mean features class by class under the queue, in normalised space."""
        return match(task, settings, objective=linear_mmd, space="normalised", sequential=True)


def _tiny_imagenet(ipc: int) -> IDMSettings:
    """Return the values of the three published commands: each serves up to its IPC, and that for 50 beyond."""
    if ipc == 1:
        return IDMSettings(init="random")
    if ipc <= 10:
        return IDMSettings(init="random", accuracy_window=500)
    return IDMSettings(init="random", ce_weight=0.8, train_steps=50, accuracy_window=1000)


def _short(ipc: int) -> IDMSettings:
    """Return a run of about a minute on one CPU core for images of 8 pixels.

    Above IPC 1 the images are better at the start, and the learning rate of IPC 1 would make them worse.
    """
    lr, ce_weight = (0.2, 0.5) if ipc == 1 else (0.05, 0.1)
    return IDMSettings(
        iterations=100,
        lr=lr,
        factor=1,
        init="random",
        batch_real=64,
        iterations_per_model=10,
        train_steps=5,
        train_batch=64,
        ce_weight=ce_weight,
    )
