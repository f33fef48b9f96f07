"""Renderers: the same tables for a terminal, markdown, LaTeX, CSV and JSON. The HTML page has a room of its own."""

from dcbench.report.render.latex import latex
from dcbench.report.render.lines import EMPTY
from dcbench.report.render.markdown import markdown
from dcbench.report.render.records import RECORD, csv, json, records
from dcbench.report.render.terminal import terminal

__all__ = ["EMPTY", "RECORD", "csv", "json", "latex", "markdown", "records", "terminal"]
