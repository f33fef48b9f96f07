"""Plug-ins: find them, check them one by one, and explain what is wrong with those that do not load."""

from __future__ import annotations

import difflib
import re
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib import import_module, metadata
from typing import Any, cast

import pluggy
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dcbench.api import hookspecs
from dcbench.api.distribution import MODULE, NAME, is_own, own, version
from dcbench.api.errors import DcbenchError, RequestError
from dcbench.api.records import (
    DatasetRecord,
    EvaluatorRecord,
    MethodRecord,
    NetworkRecord,
    PluginRecord,
    ProtocolRecord,
    ReportRecord,
)

GROUPS: dict[str, type[PluginRecord]] = {
    "methods": MethodRecord,
    "datasets": DatasetRecord,
    "evaluators": EvaluatorRecord,
    "networks": NetworkRecord,
    "protocols": ProtocolRecord,
    "reports": ReportRecord,
}
"""The groups of plug-ins, each with the class of its records; group ``x`` comes from the hook ``dcbench_x``."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._+-]{0,99}")  # a part of file names
_TARGET = re.compile(r"[\w.]+:[\w.]+")


@dataclass(frozen=True)
class Source:
    """Where a plug-in comes from."""

    package: str
    version: str
    entry_point: str
    module: str

    def __str__(self) -> str:
        return f"{self.package} {self.version} ({self.entry_point} = {self.module})"


@dataclass(frozen=True)
class Found:
    """A record and the plug-in it came from."""

    group: str
    record: Any
    source: Source


@dataclass(frozen=True)
class Problem:
    """What is wrong with a plug-in. The rest of the bench goes on without it."""

    source: Source
    message: str
    traceback: str = ""


@dataclass
class Registry:
    """All plug-ins that were found, and all that is wrong with them."""

    sources: list[Source] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    observers: dict[str, list[tuple[Source, pluggy.HookImpl]]] = field(default_factory=dict)

    def of_group(self, group: str) -> list[Found]:
        """Return what was found of *group*, by name."""
        return sorted((item for item in self.found if item.group == group), key=lambda item: str(item.record.name))

    def clashes(self) -> list[tuple[str, str, list[Source]]]:
        """Return (group, name, sources) of every name that more than one record claims."""
        owners: dict[tuple[str, str], list[Source]] = {}
        for item in self.found:
            owners.setdefault((item.group, item.record.name), []).append(item.source)
        return [(group, name, sources) for (group, name), sources in owners.items() if len(sources) > 1]

    def find(self, group: str, name: str) -> Found:
        """Return the one record of *group* called *name*.

        Raises:
            RequestError: no plug-in has it, or more than one; the text gives the nearest name, or all owners.
        """
        matches = [item for item in self.found if item.group == group and item.record.name == name]
        if len(matches) == 1:
            return matches[0]
        if matches:
            owners = " and ".join(str(item.source) for item in matches)
            raise RequestError(f"{group[:-1]} {name!r} is claimed by {owners}; uninstall one of them")
        raise RequestError(self._unknown(group[:-1], name, self.of_group(group)))

    def find_any(self, name: str) -> Found:
        """Return the one record called *name* of the first of `GROUPS` that has one.

        Raises:
            RequestError: no plug-in has it, or more than one.
        """
        for group in GROUPS:
            if any(item.record.name == name for item in self.of_group(group)):
                return self.find(group, name)
        raise RequestError(self._unknown("plug-in", name, self.found))

    def _unknown(self, what: str, name: str, among: Iterable[Found]) -> str:
        names = sorted({str(item.record.name) for item in among})
        alike = {known.lower(): known for known in names}
        close = difflib.get_close_matches(name.lower(), alike, n=1, cutoff=0.5)
        hint = f"; did you mean {alike[close[0]]!r}?" if close else "."
        broken = sorted({problem.source.package for problem in self.problems})
        also = f" (Not loaded: {', '.join(broken)}; see 'dcbench plugins'.)" if broken else ""
        return f"no {what} is called {name!r}{hint} There are: {', '.join(names)}.{also}"

    def resolve(self, group: str, name: str) -> Any:
        """Import and return the class that the record of *group* called *name* points to.

        Raises:
            RequestError: there is no such record, or its target does not import.
        """
        item = self.find(group, name)
        return imported(item, item.record.target)

    def notify(self, hook: str, **facts: Any) -> Iterator[str]:
        """Call every observer of *hook*; yield a warning for each that raised."""
        for source, implementation in self.observers.get(hook, []):
            try:
                implementation.function(*(facts[name] for name in implementation.argnames))
            except (Exception, SystemExit) as error:
                yield f"{hook} of {source.package} failed: {type(error).__name__}: {error}"


def imported(item: Found, target: str) -> Any:
    """Import and return what *target*, ``package.module:name``, of the record *item* points to.

    Raises:
        RequestError: it does not import.
    """
    module, _, attribute = target.partition(":")
    try:
        found: Any = import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except DcbenchError:
        raise
    except Exception as error:
        raise RequestError(
            f"{item.group[:-1]} {item.record.name!r} of {item.source.package} cannot be loaded from {target}: "
            f"{type(error).__name__}: {error}"
        ) from error
    return found


def load_registry(entry_points: Iterable[metadata.EntryPoint] | None = None) -> Registry:
    """Load every plug-in of the entry-point group ``dcbench``, each by itself, and collect its records.

    Args:
        entry_points: instead of those that are installed.
    """
    registry = Registry()
    manager = pluggy.PluginManager(hookspecs.GROUP)
    manager.add_hookspecs(hookspecs)
    if entry_points is None:
        entry_points = metadata.entry_points(group=hookspecs.GROUP)
    seen = set()
    for entry_point in sorted(entry_points, key=lambda point: (point.name, point.value)):
        source = _source(entry_point)
        if source not in seen and not _left_over(entry_point):  # an editable install can be listed twice
            seen.add(source)
            _load(registry, manager, entry_point, source)
    return registry


def _source(entry_point: metadata.EntryPoint) -> Source:
    distribution = entry_point.dist
    if distribution is None:
        return Source("unknown", "", entry_point.name, entry_point.value)
    # A checkout that was installed under its former name brings the same plug-ins, and results name their package.
    package = NAME if is_own(distribution) else distribution.name
    return Source(package, distribution.version, entry_point.name, entry_point.value)


def _left_over(entry_point: metadata.EntryPoint) -> bool:
    """Return whether *entry_point* is of this package under its former name, left there next to the one of today."""
    distribution = entry_point.dist
    return distribution is not None and is_own(distribution) and distribution.name != own().name


def _load(registry: Registry, manager: pluggy.PluginManager, entry_point: metadata.EntryPoint, source: Source) -> None:
    """Load one plug-in; every fault becomes a `Problem`."""
    registry.sources.append(source)
    name = f"{source.package}:{source.entry_point}"
    try:
        wanted = _other_dcbench(entry_point)
        if wanted:
            registry.problems.append(Problem(source, wanted))
            return
        plugin = entry_point.load()
        manager.register(plugin, name)
        manager.check_pending()
    except (Exception, SystemExit) as error:
        registry.problems.append(Problem(source, _explain(error), traceback.format_exc()))
        if manager.has_plugin(name):
            manager.unregister(name=name)
        return
    for caller in manager.get_hookcallers(plugin) or []:
        for implementation in caller.get_hookimpls():
            if implementation.plugin is plugin:
                _collect(registry, caller.name, implementation, source)


def _other_dcbench(entry_point: metadata.EntryPoint) -> str:
    """Return why the requirements of the package of *entry_point* exclude this dcbench; empty if they do not."""
    this = version()
    for requirement in map(Requirement, (entry_point.dist.requires if entry_point.dist else None) or []):
        wanted = requirement.specifier
        about_us = canonicalize_name(requirement.name) in {NAME, MODULE}
        unconditional = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if about_us and unconditional and not wanted.contains(this, prereleases=True):
            return f"needs dcbench{wanted}, and this is {this}: pip install '{NAME}{wanted}'"
    return ""


def _explain(error: BaseException) -> str:
    trouble = (
        "does not match the hooks of this dcbench"
        if isinstance(error, pluggy.PluginValidationError)
        else "does not load"
    )
    text = " ".join(str(error).split())
    return f"{trouble}: {type(error).__name__}: {text}"


def _collect(registry: Registry, hook: str, implementation: pluggy.HookImpl, source: Source) -> None:
    group = hook.removeprefix("dcbench_")
    if group not in GROUPS:
        registry.observers.setdefault(hook, []).append((source, implementation))
        return
    try:
        records = list(cast("Callable[[], Iterable[object]]", implementation.function)())
    except (Exception, SystemExit) as error:
        registry.problems.append(
            Problem(source, f"{hook} raised {type(error).__name__}: {error}", traceback.format_exc())
        )
        return
    for record in records:
        fault = _fault(group, record)
        if fault:
            registry.problems.append(Problem(source, f"{hook} returned {record!r}: {fault}"))
        else:
            registry.found.append(Found(group, record, source))


def _fault(group: str, record: object) -> str:
    wanted = GROUPS[group]
    if not isinstance(record, wanted):
        return f"not a {wanted.__name__}"
    if not (isinstance(record.name, str) and _NAME.fullmatch(record.name)):
        return "a name is lower case letters, digits, '.', '_', '+' and '-', 100 at most"
    shared = getattr(record, "shares_artifacts_as", "")
    if not (isinstance(shared, str) and (not shared or _NAME.fullmatch(shared))):
        return "shares_artifacts_as is written like a name"
    if not (isinstance(record.target, str) and _TARGET.fullmatch(record.target)):
        return "a target is written package.module:Class"
    published = getattr(record, "published", "")
    if not (isinstance(published, str) and (not published or _TARGET.fullmatch(published))):
        return "published is written package.module:function"
    return ""
