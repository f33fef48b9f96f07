"""Datasets that each break one promise of the contract, and the one that keeps all."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import torch

from dcbench import Dataset, DatasetInfo, ImageSet, MissingDataError


class Stripes(Dataset):
    """Grey images in one file for each split, made by `make`, that keep every promise."""

    @staticmethod
    def make(root):
        generator = np.random.default_rng(0)
        for split in ("train", "test"):
            np.save(root / f"{split}.npy", generator.integers(0, 256, (8, 1, 4, 4), dtype=np.uint8))

    def info(self):
        return DatasetInfo("stripes", (1, 4, 4), ("a", "b"), (4, 4), (4, 4), (0.5,), (0.29,))

    def files(self, split):
        path = self.root / f"{split}.npy"
        if not path.exists():
            raise MissingDataError(f"no {path}")
        return [path]

    def load(self, split):
        (path,) = self.files(split)
        return ImageSet(torch.from_numpy(np.load(path)), torch.arange(2).repeat(4), 2)


class Absent(Stripes):
    def present(self):
        return False


class CountsMissing(Stripes):
    def info(self):
        return replace(super().info(), test_counts=(4,))


class Oblong(Stripes):
    def info(self):
        return replace(super().info(), shape=(1, 4, 2))


class NoSpread(Stripes):
    def info(self):
        return replace(super().info(), std=(0.0,))


class DiffersByNumber(Stripes):
    def differs(self):
        return 3


class OneRemark(Stripes):
    def remarks(self):
        return "two files are left out"


class UnknownProtocol(Stripes):
    def info(self):
        return replace(super().info(), default_protocol="sort")


class UnknownNetwork(Stripes):
    def info(self):
        return replace(super().info(), default_network="cnvnet3")


class UnfittingNetwork(Stripes):
    def info(self):
        return replace(super().info(), default_network="convnet3")


class PathName(Stripes):
    def info(self):
        return replace(super().info(), name="../stripes")


class NoFiles(Stripes):
    def files(self, split):
        return []

    def load(self, split):
        return ImageSet(torch.zeros(8, 1, 4, 4, dtype=torch.uint8), torch.arange(2).repeat(4), 2)


class Floats(Stripes):
    def load(self, split):
        images = super().load(split)
        return replace(images, images=images.images / 255)


class OtherShape(Stripes):
    def load(self, split):
        images = super().load(split)
        return replace(images, images=images.images[..., :3])


class MiscountsClass(Stripes):
    def info(self):
        return replace(super().info(), train_counts=(3, 5))


class LabelsFromOne(Stripes):
    def load(self, split):
        images = super().load(split)
        return replace(images, labels=images.labels + 1)


class MeanInBytes(Stripes):
    def info(self):
        return replace(super().info(), mean=(127.5,))


class OtherOrder(Stripes):
    def load(self, split):
        images = super().load(split)
        return images.subset(torch.tensor(np.random.default_rng(list(os.urandom(8))).permutation(8)))


class LooksAtTest(Stripes):
    def load(self, split):
        super().load("test")
        return super().load(split)


class LoadsToDescribe(Stripes):
    def info(self):
        mean = float(self.load("train").images.float().mean() / 255)
        return replace(super().info(), mean=(mean,))


class Seeds(Stripes):
    def load(self, split):
        torch.manual_seed(0)
        return super().load(split)


BROKEN = {
    "describes-itself": (CountsMissing, Oblong, NoSpread),
    "names-defaults-that-there-are": (UnknownProtocol, UnknownNetwork, UnfittingNetwork),
    "name-safe-for-files": (PathName,),
    "names-its-files": (NoFiles,),
    "tells-what-it-found": (DiffersByNumber, OneRemark),
    "loads-image-sets": (Floats,),
    "images-as-described": (OtherShape,),
    "classes-as-described": (MiscountsClass, LabelsFromOne),
    "mean-and-std-as-described": (MeanInBytes,),
    "same-bits-twice": (OtherOrder,),
    "one-split-at-a-time": (LooksAtTest,),
    "leaves-the-process-alone": (Seeds,),
}
