"""What a user requests: options checked by themselves, before any plug-in is loaded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from dcbench.api.errors import RequestError
from dcbench.api.folders import data_folder
from dcbench.engine.identity import SplitName
from dcbench.engine.ranges import Range, as_range
from dcbench.engine.selectors import split_list

Existing = Literal["skip", "retry-failed", "overwrite"]

_MOST_NUMBERS = 1_000_000  # in one list: more than any use, and less than fills the memory
_MOST_JOBS = 10_000
_LONGEST_SHOWN = 60  # characters of what is refused
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_numbers(text: str, option: str, least: int) -> tuple[int, ...]:
    """Parse a comma list of whole numbers such as ``1,10,50``; a range ``0-4`` counts as all of its numbers.

    Raises:
        RequestError: something else is written there, a number below *least*, or more than a million numbers.
    """
    numbers: list[int] = []
    for part in split_list(text):
        # Of 18 digits at most, which files can hold.
        match = re.fullmatch(r"(\d{1,18})(?:-(\d{1,18}))?", part)
        if match is None or int(match[1]) < least or int(match[2] or match[1]) < int(match[1]):
            shown = part if len(part) <= _LONGEST_SHOWN else f"{part[:_LONGEST_SHOWN]}..."
            raise RequestError(f"{option} takes whole numbers from {least} on, such as 1,10,50 or 1-4; not {shown!r}")
        numbers_here = range(int(match[1]), int(match[2] or match[1]) + 1)
        if len(numbers) + (numbers_here.stop - numbers_here.start) > _MOST_NUMBERS:
            raise RequestError(f"{option} takes at most {_MOST_NUMBERS:,} numbers; {text} are more")
        numbers += numbers_here
    if not numbers:
        raise RequestError(f"{option} needs at least one number")
    return tuple(dict.fromkeys(numbers))


def parse_duration(text: str) -> float:
    """Parse a time such as ``90s``, ``30m``, ``2h`` or ``1d`` into seconds.

    Raises:
        RequestError: it is not of that form, or zero.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text.strip())
    seconds = float(match[1]) * _UNITS[match[2] or "s"] if match else 0.0
    if seconds <= 0:
        raise RequestError(f"--timeout takes a time such as 90s, 30m or 2h, not {text!r}")
    return seconds


class Request(BaseModel):
    """A grid to run, and how. Lists may be given as comma lists, as on the command line."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    methods: tuple[str, ...] = ("random", "herding", "k-center", "dm", "m3d")
    """Methods, each a name or ``name[field=value,...]``."""
    datasets: tuple[str, ...] = ("digits",)
    """Datasets, each a name or ``folder:PATH``."""
    ipc: tuple[int, ...] = (1, 10)
    """Images per class."""
    seeds: tuple[int, ...] = ()
    """Condensed sets per cell of the table, one for each seed; empty means the default of each dataset, from 0 on."""
    protocol: tuple[str, ...] = ()
    """Training protocols; empty means each dataset's own."""
    networks: tuple[str, ...] = ()
    """Networks to evaluate on; empty means the evaluator's own."""
    evaluators: tuple[str, ...] = ("accuracy",)
    """What to measure."""
    overrides: tuple[str, ...] = Field((), alias="set")
    """Settings changed for every mention of a plug-in, as ``name.field=value``, unless its brackets set them too."""
    classes: Range | None = None
    """Condense only these classes, such as ``0-19`` or ``7``: a part of each set; None means all."""
    repeats: int | None = Field(None, ge=1, le=_MOST_NUMBERS)
    """Networks trained per condensed set; None means the number of the protocol."""
    split: SplitName = "test"
    """What is evaluated on."""
    snapshots: bool = False
    """Evaluate also the snapshots that methods keep on the way to the final set."""
    results: Path = Path("results")
    """The results folder."""
    data: Path = Field(default_factory=data_folder)
    """The folder with the datasets."""
    device: str = "auto"
    """``auto``, ``cpu``, ``cuda`` or ``cuda:N``."""
    jobs: int | None = Field(None, ge=1, le=_MOST_JOBS)
    """Jobs at a time; None means one per GPU, or on the CPU one per eight cores, but at least two."""
    timeout: float | None = Field(None, gt=0)
    """Seconds after which a job is ended."""
    existing: Existing = "skip"
    """What to do about cells that were finished or failed before."""
    deterministic: bool = False
    """Only algorithms that give the same bits every time."""
    precision: Literal["auto", "float32", "tf32", "bf16"] = "auto"
    """Of convolutions, as in `Runtime`; ``auto`` is bf16 on a GPU and float32 on the CPU."""
    eager: bool = False
    """Run GPU steps as they are written, neither compiled nor captured."""
    strict: bool = False
    """Fail a job whose steps cannot be compiled or captured, in place of running it eagerly."""
    smoke: bool = False
    """One step and one epoch per cell, in a store that is thrown away."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_null_characters(cls, options: dict[str, Any]) -> dict[str, Any]:
        for name, value in options.items():
            texts = (value,) if isinstance(value, str | Path) else value if isinstance(value, list | tuple) else ()
            for text in map(str, texts):
                if "\0" in text:
                    raise RequestError(f"--{name}: {text!r} has a null character, which no path or name can have")
        return options

    @field_validator("methods", "datasets", "protocol", "networks", "evaluators", "overrides", mode="before")
    @classmethod
    def _split_texts(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(split_list(value))
        return tuple(value) if isinstance(value, Sequence) else value

    @field_validator("ipc", "seeds", mode="before")
    @classmethod
    def _split_numbers(cls, value: Any, info: Any) -> Any:
        if isinstance(value, int | float):
            value = str(value)
        if isinstance(value, Sequence) and not isinstance(value, str):
            value = ",".join(map(str, value))
        return parse_numbers(value, f"--{info.field_name}", least=1 if info.field_name == "ipc" else 0)

    @field_validator("classes", mode="before")
    @classmethod
    def _parse_classes(cls, value: Any) -> Any:
        try:
            return as_range(value)
        except ValueError as error:
            raise RequestError(f"--classes takes one class or one range, such as 7 or 0-19; not {value!r}") from error

    @field_validator("timeout", mode="before")
    @classmethod
    def _parse_timeout(cls, value: Any) -> Any:
        return parse_duration(value) if isinstance(value, str) else value


def make_request(**options: Any) -> Request:
    """Return the request for *options*; those that are None take their default.

    Raises:
        RequestError: an option is unknown or its value is not allowed.
    """
    try:
        return Request(**{name: value for name, value in options.items() if value is not None})
    except ValidationError as error:
        fault = error.errors()[0]
        option = ".".join(map(str, fault["loc"][:1]))
        raise RequestError(f"--{option}={fault['input']}: {fault['msg']}") from error
