"""Renderers: the same tables for a terminal, markdown, LaTeX, CSV and JSON."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pandas as pd
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from tabulate import tabulate

from dcbench.report.comparison import FIELDS
from dcbench.report.grid import GridTable, Number

EMPTY = "There are no finished cells to show."

_LATEX_SIGNS = str.maketrans(
    {
        "±": r"$\pm$",
        "·": r"$\cdot$",
        "\N{MINUS SIGN}": "$-$",
        "§": r"\S{}",
        "†": r"\dag{}",
        "‡": r"\ddag{}",
        "¶": r"\P{}",
    }
)

_UNLIMITED = 100_000  # characters: for rich, a terminal that nothing is too wide for

RECORD = [
    "dataset",
    "method",
    "label",
    "ipc",
    "protocol",
    "network",
    "evaluator",
    "figure",
    "mean",
    "std",
    "n",
    "cells",
    "split",
]
"""Fields of a record in CSV and JSON; with published numbers those of `dcbench.report.comparison` follow."""


def terminal(tables: Sequence[GridTable], *, width: int | None = None, colour: bool = False) -> str:
    """Return *tables* as text for a terminal, drawn by rich.

    A table wider than *width* goes on in parts below each other, so that no number is ever cut off.
    """
    console = Console(file=io.StringIO(), width=_UNLIMITED, force_terminal=colour, no_color=not colour, highlight=False)
    if not tables:
        console.print(EMPTY)
    for table in tables:
        console.print(table.title, style="italic", markup=False)
        for part in _parts(table, width or _UNLIMITED):
            console.print(_rich(part))
        for note in table.notes:
            console.print(f"  {note}", style="dim", markup=False)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"


def _parts(table: GridTable, width: int) -> Iterator[GridTable]:
    """Yield *table* in parts of as many columns as fit into *width*, but at least one."""

    def wide(*texts: object) -> int:
        return max(cell_len(str(text)) for text in texts) + 3  # a space on both sides, and the line between columns

    lines = zip(*_rows(table, _plain, str), strict=True)
    datasets, ipcs, *columns = lines if table.rows else [()] * (2 + len(table.columns))
    names = 1 + wide("dataset", *datasets) + wide("IPC", *ipcs)
    first, used = 0, names
    for place, (label, column) in enumerate(zip(table.columns, columns, strict=True)):
        needed = wide(label, *column)
        if used + needed > width and place > first:
            yield _columns(table, first, place)
            first, used = place, names
        used += needed
    yield _columns(table, first, len(table.columns))


def _columns(table: GridTable, first: int, stop: int) -> GridTable:
    rows = tuple((dataset, ipc, numbers[first:stop]) for dataset, ipc, numbers in table.rows)
    return replace(table, columns=table.columns[first:stop], rows=rows)


def _rich(table: GridTable) -> Table:
    drawn = Table()
    drawn.add_column("dataset", no_wrap=True)
    drawn.add_column("IPC", justify="right")
    for label in table.columns:
        drawn.add_column(escape(label), justify="right", no_wrap=True)
    for lines in _groups(table, lambda number: _bold(number, "[bold]{}[/bold]"), escape):
        for line in lines:
            drawn.add_row(*line)
        if len(lines) > 1:
            drawn.add_section()
    return drawn


def markdown(tables: Sequence[GridTable]) -> str:
    """Return *tables* as GitHub markdown, by tabulate."""

    def literal(text: str) -> str:
        return re.sub(r"([|*_<>\[\]`\\])", r"\\\1", text)

    parts = []
    for table in tables:
        rows = _rows(table, lambda number: _bold(number, "**{}**"), literal)
        body = tabulate(rows, ["dataset", "IPC", *map(literal, table.columns)], "pipe", disable_numparse=True)
        parts.append(f"**{literal(table.title)}**\n\n{body}\n\n" + "\n\n".join(table.notes))
    return "\n\n".join(parts or [EMPTY]) + "\n"


def latex(tables: Sequence[GridTable]) -> str:
    """Return *tables* as LaTeX for the booktabs package, by pandas."""
    return "\n".join(map(_latex, tables)) or f"% {EMPTY}\n"


def _latex(table: GridTable) -> str:
    rows = _rows(table, lambda number: _latex_signs(_bold(number, r"\textbf{{{}}}")), latex_escape)
    body = pd.DataFrame(rows, columns=["dataset", "IPC", *map(latex_escape, table.columns)])
    caption = latex_escape(". ".join([table.title, *table.notes]))
    layout = "lr" + "r" * len(table.columns)
    return body.to_latex(index=False, escape=False, caption=caption, column_format=layout, position="t")


def latex_escape(text: str) -> str:
    r"""Return *text* so that LaTeX prints it as it is: ``a_b`` becomes ``a\_b``, and ``±`` becomes ``$\pm$``."""
    special = {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
    }
    return _latex_signs(re.sub(r"[\\~^<>&%$#_{}]", lambda match: special.get(match[0], "\\" + match[0]), text))


def _latex_signs(text: str) -> str:
    return text.translate(_LATEX_SIGNS)


def csv(summary: pd.DataFrame) -> str:
    """Return a summary as CSV, one line per number."""
    return records(summary).to_csv(index=False)


def json(summary: pd.DataFrame) -> str:
    """Return a summary as a JSON list of records."""
    return records(summary).to_json(orient="records", indent=1, force_ascii=False) + "\n"


def records(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the fields of *summary* that others may rely on, in a fixed order."""
    fields = [*RECORD, *(name for name in FIELDS if name in summary)]
    return summary[fields].sort_values(["dataset", "ipc", "label", "protocol", "network", "figure"], kind="stable")


def _plain(number: Number | None) -> str:
    return "-" if number is None else str(number)


def _bold(number: Number | None, form: str) -> str:
    return form.format(number) if number is not None and number.best else _plain(number)


def _rows(table: GridTable, number: Callable[[Number | None], str], literal: Callable[[str], str]) -> list[list[str]]:
    return [line for lines in _groups(table, number, literal) for line in lines]


def _groups(
    table: GridTable, number: Callable[[Number | None], str], literal: Callable[[str], str]
) -> Iterator[list[list[str]]]:
    """Yield the lines of each row of *table*: what was measured, and below it what was published if anything was."""
    for dataset, ipc, numbers in table.rows:
        below = {
            "published": [value.published if value else "" for value in numbers],
            "difference": [_signed(value.difference) if value else "" for value in numbers],
        }
        lines = [[name, "", *map(literal, texts)] for name, texts in below.items() if any(texts)]
        yield [[literal(dataset), str(ipc), *map(number, numbers)], *lines]


def _signed(difference: float | None) -> str:
    if difference is None:
        return ""
    rounded = round(difference, 1) + 0.0  # with 0.0 added, zero has no minus
    return f"{rounded:+.1f}".replace("-", "\N{MINUS SIGN}")
