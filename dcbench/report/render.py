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

from dcbench.report.grid import GridTable, Number

EMPTY = "There are no finished cells to show."

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
"""Fields of a record in CSV and JSON."""


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

    names = 1 + wide("dataset", *(row[0] for row in table.rows)) + wide("IPC", *(row[1] for row in table.rows))
    first, used = 0, names
    for place, label in enumerate(table.columns):
        needed = wide(label, *(numbers[place] or "-" for _, _, numbers in table.rows))
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
    for dataset, ipc, numbers in table.rows:
        drawn.add_row(escape(dataset), str(ipc), *(_bold(number, "[bold]{}[/bold]", str) for number in numbers))
    return drawn


def markdown(tables: Sequence[GridTable]) -> str:
    """Return *tables* as GitHub markdown, by tabulate."""

    def literal(text: str) -> str:
        return re.sub(r"([|*_<>\[\]`\\])", r"\\\1", text)

    parts = []
    for table in tables:
        rows = _rows(table, lambda number: _bold(number, "**{}**", str), literal)
        body = tabulate(rows, ["dataset", "IPC", *map(literal, table.columns)], "pipe", disable_numparse=True)
        parts.append(f"**{literal(table.title)}**\n\n{body}\n\n" + "\n\n".join(table.notes))
    return "\n\n".join(parts or [EMPTY]) + "\n"


def latex(tables: Sequence[GridTable]) -> str:
    """Return *tables* as LaTeX for the booktabs package, by pandas."""
    return "\n".join(map(_latex, tables)) or f"% {EMPTY}\n"


def _latex(table: GridTable) -> str:
    def number(value: Number | None) -> str:
        text = _bold(value, r"\textbf{{{}}}", str)
        return text.replace("±", r"$\pm$")

    rows = _rows(table, number, latex_escape)
    body = pd.DataFrame(rows, columns=["dataset", "IPC", *map(latex_escape, table.columns)])
    caption = latex_escape(". ".join([table.title, *table.notes])).replace("±", r"$\pm$").replace("·", r"$\cdot$")
    layout = "lr" + "r" * len(table.columns)
    return body.to_latex(index=False, escape=False, caption=caption, column_format=layout, position="t")


def latex_escape(text: str) -> str:
    r"""Return *text* so that LaTeX prints it as it is: ``a_b`` becomes ``a\_b``."""
    special = {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
    }
    return re.sub(r"[\\~^<>&%$#_{}]", lambda match: special.get(match[0], "\\" + match[0]), text)


def csv(summary: pd.DataFrame) -> str:
    """Return a summary as CSV, one line per number."""
    return records(summary).to_csv(index=False)


def json(summary: pd.DataFrame) -> str:
    """Return a summary as a JSON list of records."""
    return records(summary).to_json(orient="records", indent=1, force_ascii=False) + "\n"


def records(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the fields of *summary* that others may rely on, in a fixed order."""
    return summary[RECORD].sort_values(["dataset", "ipc", "label", "protocol", "network", "figure"], kind="stable")


def _bold(number: Number | None, form: str, text: Callable[[Number], str]) -> str:
    if number is None:
        return "-"
    return form.format(text(number)) if number.best else text(number)


def _rows(table: GridTable, number: Callable[[Number | None], str], name: Callable[[str], str]) -> list[list[str]]:
    return [[name(dataset), str(ipc), *map(number, numbers)] for dataset, ipc, numbers in table.rows]
