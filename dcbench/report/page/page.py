"""One self-contained HTML page: tables, figures, condensed images, and the origin of every number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2

from dcbench.api.distribution import version
from dcbench.api.texts import printable
from dcbench.report.page.commands import commands
from dcbench.report.page.pictures import BUDGET, Sheet, SourceImages, pictures, sheet
from dcbench.report.page.provenance import origins
from dcbench.report.ranks import TIE
from dcbench.report.reading import read_or_warn
from dcbench.report.render.text import EMPTY, MISSING, signed
from dcbench.report.summary import entries

if TYPE_CHECKING:
    import pandas as pd

    from dcbench.api.report import Table
    from dcbench.report.report import Report


def page(report: Report, source_images: SourceImages) -> str:
    """Return *report* as HTML. Nothing is loaded from a network, and no script is needed to read it.

    Args:
        report: what to show.
        source_images: returns the training split that a selection was made from, as
            `dcbench.engine.exchange.sources.Sources.of` does.
    """
    template = _environment().get_template("page.html.j2")
    digests = {digest for digests in report.summary["digests"] for digest in digests.split()}
    evaluations, sets = report.results.evaluations, report.results.sets
    shown = evaluations[evaluations["digest"].isin(digests)]
    condensed = sets[sets["digest"].isin(digests)]
    return template.render(
        tables=report.tables,
        figures=list(pictures(shown, sets)),
        sheets=list(_sheets(condensed, source_images)),
        origins=list(origins(report)),
        missing=list(_missing(report.tables)),
        failures=entries(report.failures.fillna("")),
        commands=commands(shown) if len(shown) else [],
        facts=_facts(report, condensed),
        empty=EMPTY,
        style=_text("style.css"),
        script=_text("sort.js"),
    )


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_text),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        finalize=_printable,
    )
    environment.filters["signed"] = signed
    environment.globals |= {"MISSING": MISSING, "TIE": TIE}
    return environment


def _printable(value: object) -> object:
    """Return a text of the page without control characters; what is marked as safe comes from dcbench itself."""
    return printable(value, lines=True) if type(value) is str else value


def _text(name: str) -> str:
    return files("dcbench.report.page").joinpath(name).read_text(encoding="utf-8")


def _facts(report: Report, condensed: pd.DataFrame) -> dict[str, str]:
    """Return the head of the page: what was compared, on what, with what."""
    numbers = report.summary
    made_with = {f"{name} {number}" for versions in condensed["versions"] for name, number in (versions or {}).items()}
    devices = {*condensed["device"].dropna(), *report.results.evaluations["device"].dropna()}
    facts: dict[str, Iterable[object]] = {
        "datasets": numbers["dataset"],
        "methods": numbers["label"],
        "images per class": sorted(numbers["ipc"].unique()),
        "protocols": numbers["protocol"],
        "networks": numbers["network"],
        "devices": sorted(devices),
        "versions": sorted(made_with),
    }
    lists = {
        name: ", ".join(dict.fromkeys(str(value) for value in values if value != "")) for name, values in facts.items()
    }
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return {
        "cells": f"{numbers['digests'].str.split().explode().nunique() if len(numbers) else 0}",
        **{name: text for name, text in lists.items() if text},
        "made": f"{now}, by dcbench {version()}",
    }


def _missing(tables: Sequence[Table]) -> Iterator[str]:
    for table in tables:
        for row in table.rows:
            gone = [column for column, number in zip(table.columns, row.numbers, strict=True) if number is None]
            if gone:
                yield f"{' '.join(filter(None, row.names))}: {', '.join(gone)} ({table.title})"


def _sheets(condensed: pd.DataFrame, source_images: SourceImages) -> Iterator[Sheet]:
    """Yield a picture for each column of each row: that of its first replicate."""
    column = ["dataset", "ipc", "label", "split"]
    first = condensed.sort_values([*column, "replicate"]).drop_duplicates(column)
    for path in first["file"]:
        made = read_or_warn(lambda each: sheet(each, BUDGET // len(first), source_images), Path(path))
        if made is not None:
            yield made
