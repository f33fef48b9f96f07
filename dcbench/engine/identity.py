"""The identity of what is computed: cells and trials, with names that are known before anything runs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from dcbench.api.evaluator import Unit
from dcbench.api.method import Precision
from dcbench.api.seeds import derive_seed

SplitName = Literal["test", "validation"]


OTHER_DATA = " (other data)"
"""What follows the name of a dataset whose data is not the standard data of that name."""


class Frozen(BaseModel):
    """A model that cannot change and takes no unknown field."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _stored_as(name: str, *, here: str, default: Any = ...) -> Any:
    """Return the declaration of the field *here* that files call *name*: they keep the words of the first version."""
    return Field(default, validation_alias=AliasChoices(here, name), serialization_alias=name)


def digest_of(value: Any) -> str:
    """Return the SHA-256 of *value* as canonical JSON, in hexadecimal."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def changed_network(revision: int) -> dict[str, int]:
    """Return what the revision of a network adds to a name: nothing as long as the network is what it first was."""
    return {"network_revision": revision} if revision > 1 else {}


@dataclass(frozen=True)
class Arithmetic:
    """The precision of convolutions that a run computes in; a part of the names of its results."""

    condensing: Precision = "float32"
    """Of networks that are not trained, while a method condenses."""
    evaluating: Precision = "float32"
    """Of networks that are trained, which bf16 is too coarse for."""


class DatasetSpec(Frozen):
    """A dataset as a cell names it."""

    record: str
    """Name of the record, such as ``folder``."""
    argument: str = ""
    """What follows the colon, as the dataset has it: absolute where it is a path. Not in the digest."""
    settings: dict[str, Any]
    """All settings; not in the digest, since their effect is in the fingerprints, `mean`, `std` and `mirror_ok`."""
    selector: str = _stored_as("choice", here="selector")
    """What ``--datasets`` takes to choose it, with what was set by ``--set``; not in the digest."""
    name: str
    """Name in results."""
    train: str
    """Fingerprint of the training split: what a condensed set depends on."""
    test: str
    """Fingerprint of the test split: what an evaluation depends on as well."""
    mean: tuple[float, ...]
    """That of `DatasetInfo`, as `std` and `mirror_ok` are: what a method sees of a dataset next to its pixels."""
    std: tuple[float, ...]
    mirror_ok: bool
    class_names: tuple[str, ...] = ()
    """One name per class; empty where an older file lacks it. For reports; not in the digest."""
    train_images: int | None = None
    """How many images are condensed; None where an older file lacks it. For reports; not in the digest."""
    train_counts: tuple[int, ...] = ()
    """Training images of each class; empty where an older file lacks it. Not in the digest."""
    test_counts: tuple[int, ...] = ()
    """Images of each class that are evaluated on, likewise."""
    other_data: str | None = None
    """In what the data differs from the standard data of its name; empty where it does not, or where none is standard;
    None where an older file lacks it. No part of the digest: the fingerprints are."""

    @property
    def title(self) -> str:
        """The name as tables show it."""
        return self.name + (OTHER_DATA if self.other_data else "")


class _Computed(Frozen):
    """What computes, in a certain arithmetic."""

    arithmetic: Precision = "float32"
    """How convolutions multiply. Part of the name of what is computed unless it is float32."""

    @model_serializer(mode="wrap")
    def _leave_out_float32(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write no field that earlier versions do not have, where it says nothing new: they refuse unknown ones."""
        values: dict[str, Any] = write(self)
        if self.arithmetic == "float32":
            del values["arithmetic"]
        return values


class MethodSpec(_Computed):
    """A method under certain settings."""

    record: str
    label: str
    """Title of its column, such as ``m3d[factor=1]``; not in the digest."""
    selector: str = _stored_as("choice", here="selector")
    """What ``--methods`` takes to make it, mostly its label; not in the digest."""
    revision: int
    settings: dict[str, Any]
    """All settings as JSON values."""
    digest_settings: dict[str, Any]
    """The settings as the digest sees them."""
    factor: int
    network_revision: int = 1
    """That of the network in its settings; part of the digest from 2 on."""
    budget_exempt: bool = _stored_as("exempt", here="budget_exempt", default=False)
    overrides: dict[str, Any] = _stored_as("departures", here="overrides", default={})
    """The recommended value of each setting that has another one here; not in the digest."""


def other_arithmetic(spec: _Computed) -> dict[str, Any]:
    """Return what the arithmetic of *spec* adds to a name: nothing if it is float32, which all names began with."""
    return {} if spec.arithmetic == "float32" else {"arithmetic": spec.arithmetic}


ABOUT = ("digest", "dataset", "dataset_choice", "method", "label", "ipc", "seed", "split")
"""Those of a cell's `facts` that identify it for people; ``seed`` is the replicate."""


class Cell(Frozen):
    """One condensed set: dataset x method x settings x IPC x replicate."""

    dataset: DatasetSpec
    method: MethodSpec
    ipc: int
    replicate: int = _stored_as("seed", here="replicate")
    """The number given with ``--seeds``: what the cells of one column of a comparison differ in."""
    split: SplitName = "test"
    """``validation``: condensed from nine tenths of the training set and evaluated on the tenth."""

    @cached_property
    def digest(self) -> str:
        """The cell's name: 64 hexadecimal digits. Host, device, versions, labels and order do not enter it."""
        return digest_of(self._identity() | {"seed": self.replicate})

    @property
    def variant(self) -> str:
        """What cells that differ in nothing but their replicate have in common: 64 hexadecimal digits."""
        return digest_of(self._identity())

    def _identity(self) -> dict[str, Any]:
        identity = {
            "dataset": self.dataset.name,
            "train": self.dataset.train,
            "mean": self.dataset.mean,
            "std": self.dataset.std,
            "mirror_ok": self.dataset.mirror_ok,
            "method": self.method.record,
            "revision": self.method.revision,
            "settings": self.method.digest_settings,
            "ipc": self.ipc,
        }
        split = {"split": self.split} if self.split != "test" else {}
        return identity | changed_network(self.method.network_revision) | other_arithmetic(self.method) | split

    @property
    def title(self) -> str:
        """The cell in words, for progress and messages."""
        return f"{self.dataset.title} ipc {self.ipc} {self.method.label} replicate {self.replicate}"

    @property
    def condense_seed(self) -> int:
        """The seed a method draws from: the same for all methods, so that they start from the same images."""
        return derive_seed(purpose="condense", dataset=self.dataset.name, ipc=self.ipc, seed=self.replicate)

    def facts(self) -> dict[str, Any]:
        """Return what every file of this cell holds on it."""
        return {
            "digest": self.digest,
            "dataset": self.dataset.title,
            "dataset_choice": self.dataset.selector,
            "method": self.method.record,
            "label": self.method.label,
            "settings": self.method.settings,
            "factor": self.method.factor,
            "reference": self.method.budget_exempt,
            "ipc": self.ipc,
            "seed": self.replicate,
            "split": self.split,
            "cell": self.model_dump(mode="json", by_alias=True),
        }

    def repeat_seed(self, repeat: int) -> int:
        """Return the seed of one network of an evaluation: the same for all methods, so that comparisons are paired."""
        return derive_seed(
            purpose="evaluate", dataset=self.dataset.name, ipc=self.ipc, seed=self.replicate, repeat=repeat
        )


class EvaluatorSpec(_Computed):
    """An evaluator under certain settings, with its protocol expanded."""

    record: str
    label: str
    revision: int
    metric: str
    """The metric that tables show."""
    unit: Unit = "percent"
    """What the metrics are; no part of the key."""
    settings: dict[str, Any]
    digest_settings: dict[str, Any]
    network_revision: int = 1
    """That of the network in its settings; part of the key from 2 on."""
    recipe: dict[str, Any] | None = None
    """The expanded protocol."""
    digest_recipe: dict[str, Any] | None = None
    """The recipe as the key sees it."""


class Trial(Frozen):
    """The evaluation of one cell, or of a snapshot on the way to it, by one evaluator."""

    cell: Cell
    evaluator: EvaluatorSpec
    step: int | None = None
    """The step of the snapshot that is evaluated; None for the final set."""

    @cached_property
    def key(self) -> str:
        """The trial's name: 64 hexadecimal digits. The number of repeats does not enter it."""
        identity = self._identity() | {"cell": self.cell.digest}
        return digest_of(identity | ({"step": self.step} if self.step is not None else {}))

    @property
    def variant(self) -> str:
        """What trials that differ in nothing but replicate and step have in common: 64 hexadecimal digits."""
        return digest_of(self._identity() | {"cell": self.cell.variant})

    def _identity(self) -> dict[str, Any]:
        identity = {
            "test": self.cell.dataset.test,
            "evaluator": self.evaluator.record,
            "revision": self.evaluator.revision,
            "settings": self.evaluator.digest_settings,
            "recipe": self.evaluator.digest_recipe,
        }
        return identity | changed_network(self.evaluator.network_revision) | other_arithmetic(self.evaluator)

    @property
    def name(self) -> str:
        """The trial as file names show it: evaluator and head of the key."""
        return f"{self.evaluator.record}-{self.key[:12]}"
