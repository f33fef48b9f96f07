"""A condensed set on its way out of the store or into it, in no file format yet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dcbench.api.condensed import CondensedSet
from dcbench.api.errors import RequestError
from dcbench.engine.store.guards import parse_json

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor


@dataclass(frozen=True, eq=False)
class PortableSet:
    """Pixels, labels, decoder and provenance: a selection holds its training images here, not their positions."""

    images: Tensor
    """(N, C, H, W) stored images: float32 in [0, 1] on the way out; as the file has them on the way in."""
    labels: Tensor
    """(N,) classes, or (N, classes) probabilities."""
    factor: int | None = 1
    """Tiles per side of a stored image; None where a file does not say."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Provenance, as result files hold it; empty for a set that another program wrote."""
    class_names: tuple[str, ...] = ()
    """Names of the classes, in the order of the labels; empty where they are not known."""
    unbounded: bool = False
    """Whether pixels may lie anywhere, see `CondensedSet`."""
    companions: tuple[Path, ...] = ()
    """The files that it was read from, next to the one that was named."""
    claimed: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Accuracies that the file has for the set, for each network; nothing that was measured here."""

    @property
    def decoder(self) -> str:
        """The decoder's name."""
        return self._as_condensed().decoder.name

    def decoded(self) -> PortableSet:
        """Return the set of the training images, factor**2 * N, which needs no decoder any more."""
        images, labels = self._as_condensed().decode()
        return replace(self, images=images, labels=labels, factor=1)

    def facts_text(self) -> str:
        """Return facts and class names as JSON."""
        return json.dumps({**self.facts, "class_names": self.class_names})

    def _as_condensed(self) -> CondensedSet:
        return CondensedSet.of_images(self.images, self.labels, self.factor or 1)


def parse_facts(text: object, path: Path) -> dict[str, Any]:
    """Return the facts that a file holds as JSON, none if *text* is None.

    Raises:
        RequestError: they are something else.
    """
    if text is None:
        return {}
    try:
        facts = parse_json(str(text))
    except ValueError as error:
        raise RequestError(f"{path}: its facts are not JSON: {error}") from error
    if not isinstance(facts, dict):
        raise RequestError(f"{path}: its facts are not a JSON object")
    return facts


def parse_factor(value: object, path: Path) -> int | None:
    """Return the factor that a file names, None if it names none.

    Raises:
        RequestError: it is not a whole number from 1 on.
    """
    if value is None:
        return None
    text = str(value)
    if not (text.isdecimal() and int(text) >= 1):
        raise RequestError(f"{path}: its factor is {text!r}, not a whole number from 1 on")
    return int(text)
