"""Selectors: how a user names plug-ins, such as ``m3d,m3d[factor=1],folder:PATH[size=64]``, and changes of settings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path

from dcbench.api.errors import RequestError

_ITEM = re.compile(r"(?P<name>[^:\[\]=,\s]+)(?::(?P<argument>[^\[\]]+))?(?:\[(?P<settings>.*)\])?")


@dataclass(frozen=True)
class Selector:
    """One selected plug-in: its record's name, what follows the colon, and the settings changed for it, as text."""

    name: str
    argument: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The selector as the user may type it again; the title of its column."""
        changes = ",".join(f"{key}={value}" for key, value in self.settings.items())
        return self.name + (f":{self.argument}" if self.argument else "") + (f"[{changes}]" if changes else "")

    def over(self, general: Mapping[str, str]) -> Selector:
        """Return the selector with *general* changes (from ``--set``); where both set a field, its own value stays."""
        return Selector(self.name, self.argument, {**general, **self.settings})

    def covers(self, other: Selector) -> bool:
        """Whether *other* selects the same, even if its path is written in another way.

        A path alone, such as ``folder:PATH``, covers what was selected from there with any settings.
        """
        if self.name != other.name or _resolved(self.argument) != _resolved(other.argument):
            return False
        return self.settings == other.settings or (bool(self.argument) and not self.settings)


def split_list(text: str) -> list[str]:
    """Split *text* at the commas outside of brackets, and drop empty parts.

    >>> split_list("dm,m3d[kernel=linear,lr=0.1]")
    ['dm', 'm3d[kernel=linear,lr=0.1]']
    """
    parts, start = [], 0
    for position, depth in enumerate(_depths(text)):
        if text[position] == "," and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    return [part.strip() for part in [*parts, text[start:]] if part.strip()]


def _depths(text: str) -> list[int]:
    """Return how many brackets are open after each character of *text*."""
    return list(accumulate((character == "[") - (character == "]") for character in text))


def _balanced(text: str) -> bool:
    depths = [0, *_depths(text)]
    return min(depths) == 0 == depths[-1]


def _resolved(argument: str) -> Path | None:
    return Path(argument).expanduser().resolve() if argument else None


def parse_selector(text: str) -> Selector:
    """Parse one selector such as ``m3d[kernel=linear,lr=0.1]`` or ``folder:PATH``; a value may have its own brackets.

    Raises:
        RequestError: the text is not of that form, or sets one field twice.
    """
    match = _ITEM.fullmatch(text.strip())
    if match is None or not _balanced(match["settings"] or ""):
        raise RequestError(f"cannot read {text!r}; write name, name[field=value,field=value] or name:argument")
    return Selector(match["name"], match["argument"] or "", _parse_changes(match["settings"] or "", text))


def canonical(text: str) -> str:
    """Return the selector *text* in the form that enters digests: settings sorted by name, without spaces.

    >>> canonical("convnet[width=64, depth=2]")
    'convnet[depth=2,width=64]'

    Raises:
        RequestError: see `parse_selector`.
    """
    selector = parse_selector(text)
    return replace(selector, settings=dict(sorted(selector.settings.items()))).label


def parse_selectors(texts: str | Iterable[str]) -> list[Selector]:
    """Parse a comma list, or several, and drop repetitions."""
    items = [item for text in ([texts] if isinstance(texts, str) else texts) for item in split_list(text)]
    return list({selector.label: selector for selector in map(parse_selector, items)}.values())


def parse_overrides(texts: Iterable[str]) -> dict[str, dict[str, str]]:
    """Parse ``--set`` options such as ``m3d.lr=10`` into changes by plug-in.

    Raises:
        RequestError: an option is not of the form NAME.FIELD=VALUE, or two give one setting different values.
    """
    changes: dict[str, dict[str, str]] = {}
    for text in texts:
        target, equals, value = text.partition("=")
        name, dot, key = target.rpartition(".")
        if not (equals and dot and name and key):
            raise RequestError(f"cannot read --set {text!r}; write --set NAME.FIELD=VALUE, such as --set m3d.lr=10")
        value = value.strip()
        if not _balanced(value) or len(split_list(value)) > 1:
            raise RequestError(
                f"cannot read --set {text!r}; one option changes one setting, and brackets come in pairs"
            )
        known = changes.setdefault(name.strip(), {}).setdefault(key.strip(), value)
        if known != value:
            raise RequestError(f"--set {target.strip()} is given two values, {known} and {value}; leave out one")
    return changes


def _parse_changes(text: str, whole: str) -> dict[str, str]:
    changes = {}
    for part in split_list(text):
        key, equals, value = part.partition("=")
        if not (equals and key.strip()):
            raise RequestError(f"cannot read {part!r} in {whole!r}; settings are written field=value")
        if key.strip() in changes:
            raise RequestError(f"{whole!r} sets {key.strip()} twice; leave out one")
        changes[key.strip()] = value.strip()
    return changes
