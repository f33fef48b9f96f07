"""Names that the command line offers, apart from what they stand for: to list them costs no import of pandas."""

from __future__ import annotations

TABLES = ("grid", "table1", "table2", "table3", "table4")
"""The tables there are; see `dcbench.report.tables.make_tables`."""
