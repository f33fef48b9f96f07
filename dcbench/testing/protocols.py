"""The contract of a protocol."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from itertools import product
from typing import Any, ClassVar
from unittest import SkipTest

import dcbench.testing.subject
from dcbench.api.data import DatasetInfo
from dcbench.api.errors import RequestError
from dcbench.api.protocol import NetworkChoice, Protocol, TrainingRecipe
from dcbench.testing.common import loads
from dcbench.testing.promises import ContractBroken, promise
from dcbench.testing.synthetic_data import Situation

_DATA = (Situation(), Situation(channels=3, size=32), Situation(channels=3, size=224, smallest=2, largest=2))
_NETWORKS = tuple(NetworkChoice("convnet3", {"depth": 3, "width": 128, "norm": norm}) for norm in ("instance", "batch"))
_IPC, _FACTORS = (1, 10, 50), (1, 2)


class Subject(dcbench.testing.subject.Subject):
    """A protocol."""

    group: ClassVar[str] = "protocols"
    base: ClassVar[type] = Protocol

    def recipes(self) -> list[tuple[str, DatasetInfo, Any]]:
        """Return for what a recipe is, in words, the description of the data, and the recipe.

        Raises:
            unittest.SkipTest: the protocol refuses all data, as it may refuse some.
        """
        found = []
        for situation, ipc, factor in product(_DATA, _IPC, _FACTORS):
            info = replace(situation.info(), mirror_ok=situation.channels == 3)
            words = f"{' x '.join(map(str, info.shape))} px, IPC {ipc}, factor {factor}"
            with suppress(RequestError):
                found.append((words, info, self.target().recipe(info, ipc, factor)))
                for network in _NETWORKS:
                    recipe = self.target().recipe_on(network, info, ipc, factor)
                    found.append((f"{words}, {network.record} with {network.settings['norm']} norm", info, recipe))
        if not found:
            raise SkipTest("it refuses grey and coloured images of 8, 32 and 224 px")
        return found


@promise(loads)
def gives_recipes(subject: Subject) -> None:
    """It gives a TrainingRecipe for any IPC and factor, and for images that it does not refuse."""
    for words, _, recipe in subject.recipes():
        if not isinstance(recipe, TrainingRecipe):
            raise ContractBroken(f"recipe gives a {type(recipe).__name__} for {words}, not a dcbench.TrainingRecipe")


@promise(gives_recipes)
def normalises_every_channel(subject: Subject) -> None:
    """Mean and std have one number for each channel."""
    for words, info, recipe in subject.recipes():
        if not len(recipe.mean) == len(recipe.std) == info.shape[0]:
            raise ContractBroken(f"mean and std have {len(recipe.mean)} and {len(recipe.std)} numbers for {words}")


@promise(gives_recipes)
def schedule_within_epochs(subject: Subject) -> None:
    """Milestones go up and lie within the epochs, and so do those at which the best is looked for."""
    for words, _, recipe in subject.recipes():
        if list(recipe.milestones) != sorted(set(recipe.milestones)):
            raise ContractBroken(f"milestones {recipe.milestones} do not go up, for {words}")
        late = [epoch for epoch in (*recipe.milestones, *recipe.best_of) if epoch > recipe.epochs]
        if late:
            raise ContractBroken(f"epoch {late[0]} is beyond the {recipe.epochs} epochs, for {words}")


@promise(gives_recipes)
def same_recipe_twice(subject: Subject) -> None:
    """The recipe is a function of data, IPC and factor alone, and survives JSON: it is part of an evaluation's key."""
    for (words, _, first), (_, _, second) in zip(subject.recipes(), subject.recipes(), strict=True):
        if first != second:
            raise ContractBroken(f"two calls give different recipes for {words}")
        if TrainingRecipe(**json.loads(json.dumps(first.model_dump(mode="json")))) != first:
            raise ContractBroken(f"the recipe for {words} is another after a way through JSON")


PROMISES = (loads, gives_recipes, normalises_every_channel, schedule_within_epochs, same_recipe_twice)
