"""Renderers: the same tables for a terminal, markdown, LaTeX, CSV and JSON. `dcbench.report.page` is HTML."""

from dcbench.report.render.latex import latex
from dcbench.report.render.records import RECORD, csv, json, records
from dcbench.report.render.text import EMPTY, markdown, terminal

__all__ = ["EMPTY", "RECORD", "csv", "json", "latex", "markdown", "records", "terminal"]
