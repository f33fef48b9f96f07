"""Records: what a plug-in's hooks return. Small, frozen, and free of torch, so that listing plug-ins costs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dcbench.api.renamed import renamed_arguments


@dataclass(frozen=True, kw_only=True)
class PluginRecord:
    """What the record of every plug-in has, whatever its group."""

    name: str
    """Lower case letters, digits, dots, ``+``, ``_`` and ``-``; unique among records of its group."""
    summary: str
    """One line for ``dcbench list``."""
    target: str
    """Where the class is, as ``package.module:Class``; imported only when the record is selected."""


@dataclass(frozen=True, kw_only=True)
class MethodRecord(PluginRecord):
    """A condensation method; *target* is a `dcbench.Method`."""

    budget_exempt: bool = False
    """Leave out the budget: for reference rows such as the whole training set."""
    import_only: bool = False
    """Its sets come into the store by ``dcbench import`` alone: a run that lacks one is refused while it is planned."""
    also_under: str = ""
    """Protocol under which the published numbers of the method were made; what was measured under it is shown next to
    published numbers whatever protocol a report asks for."""
    shares_artifacts_as: str = ""
    """Name under which methods of one package share what they build with `Task.artifact`; by default each has its own.

    What another package builds is never shared. Change this, or `name`, and artifacts are built anew.
    """
    order: int = 100
    """Where the column of the method stands in tables if the user gives no order: the lower, the further left. Methods
    of equal order stand by name."""
    colour: str = ""
    """The colour of the method in figures, such as ``#0072b2``; empty for one that follows from its label."""


@dataclass(frozen=True, kw_only=True)
class DatasetRecord(PluginRecord):
    """A dataset; *target* is a `dcbench.Dataset`."""

    argument: str = ""
    """What follows the colon, as shown in lists: ``PATH`` for ``folder:PATH``; empty if the name stands alone."""
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    """Of a standard dataset: the SHA-256 that cells have as ``train`` and ``test`` where the data is the standard one.
    Data with another fingerprint is shown as other data, and never next to published numbers."""


@dataclass(frozen=True, kw_only=True)
class EvaluatorRecord(PluginRecord):
    """An evaluator; *target* is a `dcbench.Evaluator`."""

    shares_artifacts_as: str = ""
    """Name under which evaluators of one package share what they build with `Context.artifact`, as for a method."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """What titles of tables call its metrics; a metric without an entry is called by its name."""
    best_epoch: str = ""
    """The metric that ``dcbench report --best-epoch`` shows as well; empty if it has none."""


@dataclass(frozen=True, kw_only=True)
class NetworkRecord(PluginRecord):
    """A network architecture; *target* is a `dcbench.Network`."""

    preset: Mapping[str, Any] = field(default_factory=dict)
    """Settings that this name stands for: ``convnet3`` is ``convnet`` with ``{"depth": 3}``."""


@dataclass(frozen=True, kw_only=True)
class ProtocolRecord(PluginRecord):
    """A training protocol; *target* is a `dcbench.Protocol`."""


@dataclass(frozen=True, kw_only=True)
class ReportRecord(PluginRecord):
    """A report; *target* is a `dcbench.ReportLayout`, by default that of the grid."""

    target: str = "dcbench.api.report:ReportLayout"
    """Where the layout is, as ``package.module:Class``; imported only when the report is asked for."""
    published: str = ""
    """Where the published numbers of a paper are, as ``package.module:function``; empty if the report brings none. The
    function takes nothing and returns `dcbench.PublishedNumbers`. It is called for ``--published`` of any report."""


GRID = ReportRecord(name="grid", summary="methods as columns, dataset x IPC as rows")
"""The report that is shown if the user names none. It is part of dcbench and needs no plug-in."""


# A decorator of the class would hide the arguments from type checkers.
MethodRecord.__init__ = renamed_arguments(  # type: ignore[method-assign]
    "MethodRecord", exempt="budget_exempt", made_elsewhere="import_only"
)(MethodRecord.__init__)
