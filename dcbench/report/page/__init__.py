"""The report as one self-contained HTML page."""

from dcbench.report.page.page import page

__all__ = ["page"]
