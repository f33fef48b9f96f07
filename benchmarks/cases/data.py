"""Images to measure with: random bytes, since no path looks at what they show."""

from __future__ import annotations

import torch

from dcbench import DatasetInfo, ImageSet


def description(classes: int, per_class: int, side: int) -> DatasetInfo:
    """Describe *per_class* colour images for each of *classes*, *side* pixels wide."""
    return DatasetInfo(
        name="random",
        shape=(3, side, side),
        class_names=tuple(map(str, range(classes))),
        train_counts=(per_class,) * classes,
        test_counts=(per_class,) * classes,
        mean=(0.5,) * 3,
        std=(12**-0.5,) * 3,  # of uniform numbers
    )


def random_set(info: DatasetInfo) -> ImageSet:
    """Return a training split as *info* describes it."""
    count = sum(info.train_counts)
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (count, *info.shape), dtype=torch.uint8, generator=generator)
    return ImageSet(images, torch.arange(count) % info.classes, info.classes)


def random_pixels(*shape: int) -> torch.Tensor:
    """Return random float32 numbers in [0, 1) of *shape*, the same at each call."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))
