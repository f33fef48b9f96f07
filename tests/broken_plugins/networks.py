"""Networks and protocols that each break one promise of the contract, and the ones that keep all."""

from __future__ import annotations

import itertools

from pydantic import Field
from torch import nn

import dcbench
from dcbench import Network, Protocol, TrainingRecipe


class Module(nn.Module):
    """One hidden layer."""

    def __init__(self, shape, classes, width=4):
        super().__init__()
        self.hidden = nn.Linear(shape[0] * shape[1] * shape[2], width)
        self.classifier = nn.Linear(width, classes)

    def embed(self, images):
        return self.hidden(images.flatten(1)).relu()

    def forward(self, images):
        return self.classifier(self.embed(images))


class Perceptron(Network):
    """A network that keeps every promise."""

    class Settings(dcbench.Settings):
        width: int = Field(4, ge=1, description="hidden features")

    def build(self, shape, classes, settings):
        return Module(shape, classes, settings.width)


class NoEmbedding(Perceptron):
    def build(self, shape, classes, settings):
        return nn.Sequential(nn.Flatten(), nn.Linear(shape[0] * shape[1] * shape[2], classes))


class OneLogit(Perceptron):
    def build(self, shape, classes, settings):
        return Module(shape, 1)


class ColourOnly(Perceptron):
    def build(self, shape, classes, settings):
        return Module((3, *shape[1:]), classes)


class Fixed(Perceptron):
    def build(self, shape, classes, settings):
        module = Module(shape, classes)
        for values in module.parameters():
            nn.init.constant_(values, 0.01)
        return module


class Detached(Perceptron):
    def build(self, shape, classes, settings):
        module = super().build(shape, classes, settings)
        module.embed = lambda images: module.hidden(images.detach().flatten(1))
        return module


BROKEN = {
    "embeds-and-classifies": (NoEmbedding, OneLogit),
    "takes-grey-images": (ColourOnly,),
    "weights-from-the-seed": (Fixed,),
    "gradients-reach-pixels": (Detached,),
}


class Plain(Protocol):
    """A protocol that keeps every promise."""

    def recipe(self, info, ipc, factor):
        return TrainingRecipe(epochs=10, batch_size=8, milestones=(5,), mean=info.mean, std=info.std)


class NoRecipe(Plain):
    def recipe(self, info, ipc, factor):
        return {"epochs": 10}


class GreyStatistics(Plain):
    def recipe(self, info, ipc, factor):
        return super().recipe(info, ipc, factor).changed({"mean": (0.5,)})


class LateMilestone(Plain):
    def recipe(self, info, ipc, factor):
        return super().recipe(info, ipc, factor).changed({"milestones": (5, 20)})


class Counting(Plain):
    calls = itertools.count(1)

    def recipe(self, info, ipc, factor):
        return super().recipe(info, ipc, factor).changed({"lr": 0.01 * next(self.calls)})


BROKEN_PROTOCOLS = {
    "gives-recipes": (NoRecipe,),
    "normalises-every-channel": (GreyStatistics,),
    "schedule-within-epochs": (LateMilestone,),
    "same-recipe-twice": (Counting,),
}
