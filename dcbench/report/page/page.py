"""One self-contained HTML page: tables, figures, condensed images, and where every number comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2

from dcbench.api.distribution import version
from dcbench.api.printable import printable
from dcbench.report.page.commands import commands
from dcbench.report.page.pictures import BUDGET, Sheet, SourceImages, pictures, sheet
from dcbench.report.page.provenance import origins
from dcbench.report.ranks import TIE
from dcbench.report.reading import read_or_warn
from dcbench.report.render.text import EMPTY, MISSING, signed
from dcbench.report.summary import entries

if TYPE_CHECKING:
    import pandas as pd

    from dcbench.report.tables import Table


@dataclass(frozen=True)
class Contents:
    """What a page shows."""

    tables: Sequence[Table]
    summary: pd.DataFrame
    """The numbers of the tables, from `dcbench.report.summary.summarise`."""
    frame: pd.DataFrame
    """What they were made from."""
    sets: pd.DataFrame
    """Every condensed set, from `dcbench.report.results`."""
    failures: pd.DataFrame


def page(contents: Contents, source_images: SourceImages) -> str:
    """Return the page as HTML. Nothing is loaded from a network, and no script is needed to read it.

    Args:
        contents: what to show.
        source_images: gives the training split that a selection was made from, as
            `dcbench.engine.exchange.sources.Sources.of` does.
    """
    template = _environment().get_template("page.html.j2")
    shown = contents.frame[contents.frame["digest"].isin(_digests(contents.summary))]
    return template.render(
        tables=contents.tables,
        figures=list(pictures(shown, contents.sets)),
        sheets=list(_sheets(contents, source_images)),
        origins=list(origins(contents.summary, contents.frame, contents.sets)),
        missing=list(_missing(contents.tables)),
        failures=entries(contents.failures.fillna("")),
        commands=commands(shown) if len(shown) else [],
        facts=_facts(contents),
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
    """Return a text of the page without control characters; what is marked as safe is our own."""
    return printable(value, lines=True) if type(value) is str else value


def _text(name: str) -> str:
    return files("dcbench.report.page").joinpath(name).read_text(encoding="utf-8")


def _facts(contents: Contents) -> dict[str, str]:
    """Return the head of the page: what was compared, on what, with what."""
    shown = contents.sets[contents.sets["digest"].isin(_digests(contents.summary))]
    numbers = contents.summary
    made_with = {f"{name} {number}" for versions in shown["versions"] for name, number in (versions or {}).items()}
    devices = {*shown["device"].dropna(), *contents.frame["device"].dropna()}
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


def _digests(summary: pd.DataFrame) -> set[str]:
    return {digest for digests in summary["digests"] for digest in digests.split()}


def _missing(tables: Sequence[Table]) -> Iterator[str]:
    for table in tables:
        for row in table.rows:
            gone = [column for column, number in zip(table.columns, row.numbers, strict=True) if number is None]
            if gone:
                yield f"{' '.join(filter(None, row.names))}: {', '.join(gone)} ({table.title})"


def _sheets(contents: Contents, source_images: SourceImages) -> Iterator[Sheet]:
    """Yield a picture for each column of each row: that of its first replicate."""
    shown = contents.sets[contents.sets["digest"].isin(_digests(contents.summary))]
    column = ["dataset", "ipc", "label", "split"]
    first = shown.sort_values([*column, "replicate"]).drop_duplicates(column)
    for path in first["file"]:
        made = read_or_warn(lambda each: sheet(each, BUDGET // len(first), source_images), Path(path))
        if made is not None:
            yield made
