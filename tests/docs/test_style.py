"""The rules of ``docs/style.md`` that a machine can hold."""

from __future__ import annotations

import re
import subprocess

import pytest
from support.documentation import ROOT

REFUSED = re.compile(
    r"\b(nobody|whoever|somebody|anybody|so many|beside)\b"
    r"|(?<!there )\b(is|are) no\b(?! (longer|better|more|less|fewer)\b)",
    re.IGNORECASE,
)
FOLDERS = ("dcbench", "plugins", "docs", "examples", "benchmarks")
EXCEPT = ("docs/style.md", "CHANGELOG.md")
"""The page that names what is refused, and what was said in the past."""


def texts() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = [name for name in listed.stdout.splitlines() if name.endswith((".py", ".md", ".j2"))]
    return [name for name in names if name.partition("/")[0] in FOLDERS or "/" not in name]


@pytest.mark.skipif(not texts(), reason="not a Git checkout")
def test_no_refused_word_is_used() -> None:
    found = [
        f"{name}:{number}: {match[0]}"
        for name in texts()
        if name not in EXCEPT
        for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), 1)
        for match in REFUSED.finditer(line)
    ]
    assert not found, "\n".join(found)


def test_the_glossary_has_each_word_once() -> None:
    page = (ROOT / "docs" / "style.md").read_text(encoding="utf-8")
    words = [word for row in re.findall(r"^\| ([a-zA-Z0-9 ,]+) \|", page, re.MULTILINE) for word in row.split(", ")]
    assert len(words) == len(set(words)) > 20
