"""What reports take from the records of plug-ins: layouts, published numbers, order and colour of methods, titles."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from dcbench.api.errors import RequestError
from dcbench.api.records import GRID, EvaluatorRecord, MethodRecord, ReportRecord
from dcbench.api.report import PublishedNumbers, ReportLayout
from dcbench.engine.plan.request import Request
from dcbench.engine.registry import Registry, imported, load_registry
from dcbench.engine.selectors import parse_selector

USUAL_EVALUATOR: str = Request.model_fields["evaluators"].default[0]
"""The evaluator of a run that names none. Titles leave it out."""

_OTHER = MethodRecord(name="other", summary="", target="none:none")
"""The record that stands for a method whose plug-in is not installed."""


@cache
def _registry() -> Registry:
    return load_registry()


@cache
def name_of(label: str) -> str:
    """Return the name of the record that *label*, such as ``m3d[factor=1]``, selects.

    A label that is not a selector, as in files of another program, is its own name.
    """
    try:
        return parse_selector(label).name
    except RequestError:
        return label


def reports() -> dict[str, ReportRecord]:
    """Return the record of each report by name, that of the grid first."""
    found = {item.record.name: item.record for item in _registry().of_group("reports")}
    return {GRID.name: GRID, **found}


def layout_of(report: str) -> ReportLayout:
    """Return the layout of the report called *report*.

    Raises:
        RequestError: there is none, or it cannot be loaded.
    """
    if report == GRID.name:
        return ReportLayout()
    layout: ReportLayout = _registry().resolve("reports", report)()
    return layout


def published_numbers() -> list[PublishedNumbers]:
    """Return the published numbers that plug-ins bring, in the order of the names of their reports.

    Raises:
        RequestError: some cannot be loaded.
    """
    found = [item for item in _registry().of_group("reports") if item.record.published]
    return [imported(item, item.record.published)() for item in found]


def published_protocols() -> dict[str, str]:
    """Return the protocol of the published numbers of each method whose record names one."""
    return {name: record.also_under for name, record in _methods().items() if record.also_under}


def order_of(label: str) -> int:
    """Return where the column called *label* stands, by the record of its method."""
    return _methods().get(name_of(label), _OTHER).order


def colours() -> dict[str, str]:
    """Return the colour of each method whose record names one."""
    return {name: record.colour for name, record in _methods().items() if record.colour}


def metric_title(metric: str) -> str:
    """Return what titles of tables call *metric*."""
    return next((record.titles[metric] for record in _evaluators().values() if metric in record.titles), metric)


def best_epoch_metrics() -> set[str]:
    """Return the metrics that ``--best-epoch`` adds."""
    return {record.best_epoch for record in _evaluators().values() if record.best_epoch}


@cache
def fingerprints_of(dataset: str) -> Mapping[str, str]:
    """Return the fingerprints of the standard data of the record *dataset*; nothing where none is known."""
    for item in _registry().of_group("datasets"):
        if item.record.name == dataset:
            found: Mapping[str, str] = item.record.fingerprints
            return found
    return {}


@cache
def _methods() -> dict[str, MethodRecord]:
    return {item.record.name: item.record for item in _registry().of_group("methods")}


@cache
def _evaluators() -> dict[str, EvaluatorRecord]:
    return {item.record.name: item.record for item in _registry().of_group("evaluators")}
