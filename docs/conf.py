"""How Sphinx builds the documentation: ``sphinx-build -W docs docs/_build``, no network needed."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_HERE = Path(__file__).parent
sys.path.insert(0, str(_HERE))

from generate import pages  # noqa: E402  (Sphinx runs this file, so its folder is not on the path)

from dcbench.api import distribution  # noqa: E402

for _name, _text in pages().items():
    _page = _HERE / _name
    _page.parent.mkdir(parents=True, exist_ok=True)
    # A page that has not changed keeps its time, and Sphinx need not read it again.
    if not _page.exists() or _page.read_text(encoding="utf-8") != _text:
        _page.write_text(_text, encoding="utf-8")

project = "dcbench"
author = "The dcbench authors"
version = release = distribution.version()
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
nitpicky = False  # annotations name classes of torch, pydantic and pandas, which are documented elsewhere

myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
default_role = "code"  # docstrings quote names with one back-quote

html_theme = "alabaster"  # comes with Sphinx, and loads nothing from elsewhere
html_title = f"dcbench {release}"
html_theme_options = {
    "description": "A plug-in benchmark suite for dataset condensation",
    "page_width": "auto",
    "body_max_width": "1100px",
    "font_size": "1em",
    "fixed_sidebar": True,
}
html_copy_source = False

_SECTIONS = {"Args:": ":param {}:", "Raises:": ":raises {}:", "Returns:": ":returns:"}
_ITEM = re.compile(r" {4}(\S[^:]*): (.*)")


def _as_fields(_app: Sphinx, _what: str, _name: str, _subject: Any, _options: Any, lines: list[str]) -> None:
    """Turn the sections of a docstring into fields.

    Napoleon, which comes with Sphinx, takes what stands before a colon under ``Returns:``, or in the text of an
    attribute, for a type; here types are in the annotations, and these are sentences.
    """
    section, fields = "", []
    for line in lines:
        if line in _SECTIONS:
            section = line
            fields += [_SECTIONS[line]] if section == "Returns:" else []
            continue
        section = "" if line and not line.startswith(" ") else section
        item = _ITEM.fullmatch(line) if section in {"Args:", "Raises:"} else None
        fields.append(f"{_SECTIONS[section].format(item[1])} {item[2]}" if item else line)
    lines[:] = fields


def setup(app: Sphinx) -> None:
    """Let Sphinx read docstrings as they are written here."""
    app.connect("autodoc-process-docstring", _as_fields)
