"""What the facts of a file have to be for those who read them, and that they are those of its name.

A file of a results folder may be damaged where no checksum is, made by another program, or renamed. What its readers
rely on is checked once, when its facts are read; what they can do without may be missing, and has the right type.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import h5py
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, ValidationError

from dcbench.engine.ranges import as_range
from dcbench.engine.store.guards import CorruptFileError
from dcbench.engine.store.hdf5 import get_facts, get_text, reading
from dcbench.engine.store.names import CONDENSED, FAILED, ending_of, evaluation_ending, is_part, part_ending

_IN_STORE = re.compile(r"s\d+-(.*)")  # other names are a user's own, for a copy


def _is_range(text: str) -> str:
    as_range(text)
    return text


_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Range = Annotated[str, AfterValidator(_is_range)]
_Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Texts = dict[str, str]


STORED_AS = {"replicate": "seed", "metric": "figure", "unit": "kind", "budget_exempt": "reference"}
"""What facts call otherwise than the code: files keep the words of the first version."""


class _Facts(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class _Data(_Facts):
    record: str
    name: str
    train: str
    test: str
    mean: list[float]
    std: list[float]
    mirror_ok: bool
    class_names: list[str] = []
    train_images: int | None = None
    other_data: str | None = None


class _Method(_Facts):
    record: str
    label: str
    choice: str
    revision: int
    network_revision: int = 1
    arithmetic: str = "float32"
    settings: dict[str, Any]
    digest_settings: dict[str, Any]
    departures: dict[str, Any] = {}


class _Cell(_Facts):
    dataset: _Data
    method: _Method
    ipc: PositiveInt
    seed: NonNegativeInt
    split: str


class _Ran(_Facts):
    capture: bool = False
    compiled: bool = False
    fallbacks: list[str] = []
    condensing: list[str] = []


class _Stretch(_Facts):
    seconds: _Seconds
    ran: _Ran | None = None
    runtime: dict[str, Any] = {}
    device: str | None = None
    instructions: str | None = None
    commit: str | None = None


class _Made(_Facts):
    """How something was made."""

    device: str = ""
    seconds: _Seconds = 0.0
    finished: str = ""
    peak_memory_bytes: NonNegativeInt = 0
    versions: dict[str, str | None] = {}
    runtime: dict[str, Any] = {}
    artifacts: _Texts = {}
    artifact_seconds: dict[str, _Seconds] = {}
    stretches: list[_Stretch] = []
    ran: _Ran | None = None
    cite: str = ""


class _OfCell(_Made):
    digest: _Digest
    dataset: str
    dataset_choice: str
    method: str
    label: str
    settings: dict[str, Any]
    reference: bool
    ipc: PositiveInt
    seed: NonNegativeInt
    split: str
    cell: _Cell


class _Part(_Made):
    classes: _Range


class _Dropped(_Facts):
    images: NonNegativeInt
    one_hot: NonNegativeInt


class _Origin(_Facts):
    sha256: str = ""
    claimed: dict[str, list[float]] = {}
    labels_dropped: _Dropped | None = None


class SetFacts(_OfCell):
    """Those of a condensed set, or of a part of one."""

    numbers: NonNegativeInt = 0
    classes: _Range | None = None
    parts: list[_Part] = []
    origin: _Origin | None = None


class EvaluationFacts(_OfCell):
    """Those of an evaluation."""

    key: _Digest
    variant: _Digest
    step: NonNegativeInt | None = None
    evaluator: str
    evaluator_label: str
    evaluator_revision: int
    evaluator_settings: dict[str, Any]
    protocol: str
    network: str
    network_revision: int = 1
    arithmetic: str = "float32"
    figure: str
    kind: Literal["percent", "distance"] = "percent"
    recipe: dict[str, Any] | None = None
    first_repeat: NonNegativeInt


class FailureFacts(_Facts):
    """Those of a failure."""

    error: str
    message: str
    traceback: str = ""
    seconds: _Seconds = 0.0
    time: str = ""
    job: str = ""
    digest: _Digest | None = None
    dataset: str = ""
    dataset_choice: str = ""
    method: str = ""
    label: str = ""
    ipc: PositiveInt | None = None
    seed: NonNegativeInt | None = None
    split: str = ""
    repeats: _Range | None = None


def check_facts(facts: object, model: type[BaseModel]) -> None:
    """Refuse *facts* that are not those of *model*. They are not changed: what the model lacks stays.

    Raises:
        ValueError: the text names the first that is missing, or is something else.
    """
    try:
        model.model_validate(facts)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "facts"
        expected = first["msg"].partition(" or instance of ")[0]
        raise ValueError(f"{where!r} is not what it should be: {expected}") from error


def check_set_name(path: Path, facts: Mapping[str, Any]) -> None:
    """Refuse a condensed set, or a part of one, under the name of another.

    Raises:
        CorruptFileError: the name is not that of its facts.
    """
    classes = facts.get("classes")
    if classes is not None:
        _compare(path, facts, part_ending(classes))
    elif is_part(path):  # its facts do not say its classes: the name alone has them
        _compare(path, facts, ending_of(path))
    else:
        _compare(path, facts, CONDENSED)


def check_evaluation_name(path: Path, facts: Mapping[str, Any], metrics: Mapping[str, Sequence[float]]) -> None:
    """Refuse an evaluation under the name of another, or with another number of values than its name says.

    Raises:
        CorruptFileError: the name is not that of its facts, or its metrics differ in their number of values.
    """
    counts = {len(values) for values in metrics.values()}
    if len(counts) != 1 or 0 in counts:
        raise CorruptFileError(path, "it does not hold as many values of each metric")
    first, count = facts["first_repeat"], counts.pop()
    _compare(path, facts, evaluation_ending(f"{facts['evaluator']}-{facts['key'][:12]}", range(first, first + count)))


def check_failure_name(path: Path, facts: Mapping[str, Any]) -> None:
    """Refuse the record of a failure under the name of another.

    Raises:
        CorruptFileError: the name is not that of its facts.
    """
    if all(facts.get(name) is not None for name in ("digest", "seed", "job")):
        _compare(path, facts, f"{facts['job']}.{FAILED}")


def _compare(path: Path, facts: Mapping[str, Any], ending: str) -> None:
    digest = facts["digest"][:12]  # the seed before it is for people: it is part of what was hashed
    match = _IN_STORE.fullmatch(path.name)
    if match and match[1] != f"{digest}.{ending}":
        name = f"s{facts['seed']}-{digest}.{ending}"
        raise CorruptFileError(path, f"it holds what belongs into {name}; give it that name, or remove it")


FILE_TYPE = "condensed"
"""The file type of a condensed set."""

SECONDS = "seconds"
"""The attribute with the seconds after which each snapshot was taken."""


def read_about(path: Path) -> tuple[dict[str, Any], dict[int, float | None]]:
    """Return the facts of the set at *path*, and its snapshots: the step of each, and after how many seconds it was.

    No image is read, so it is quick, and damage to the images goes unnoticed. Seconds are None in an older file.

    Raises:
        CorruptFileError, UnreadableFileError, UnsupportedFormatError, FileNotFoundError: see `reading`.
    """
    with reading(path, FILE_TYPE) as file:
        seconds = get_snapshot_seconds(file["snapshots"])
        return get_set_facts(file, path), {step: seconds.get(step) for step in sorted(map(int, file["snapshots"]))}


def get_set_facts(file: h5py.File, path: Path) -> dict[str, Any]:
    """Return the facts of the condensed set, or part of one, that is open as *file*.

    Raises:
        ValueError: they are not those of a set.
        CorruptFileError: they are those of another set than its name, *path*, says.
    """
    facts = get_facts(file)
    check_facts(facts, SetFacts)
    check_set_name(path, facts)
    return facts


def get_snapshot_seconds(group: h5py.Group) -> dict[int, float]:
    """Return the seconds stored by `put_snapshots`, by ascending step; nothing where an older file has none."""
    if SECONDS not in group.attrs:
        return {}
    return {int(step): float(spent) for step, spent in json.loads(get_text(group, SECONDS)).items()}
