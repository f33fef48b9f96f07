"""The report as one self-contained HTML page."""

from dcbench.report.page.page import Contents, page

__all__ = ["Contents", "page"]
