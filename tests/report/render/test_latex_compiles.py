"""What is written for LaTeX, through LaTeX itself, where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from support.made_reports import tables_of, with_published
from support.made_results import add

from dcbench.api.report import Number, Row, Table
from dcbench.report.render import latex
from dcbench.report.results import frame, sets
from dcbench.report.summary import summarise

pytestmark = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")

DOCUMENT = r"""\documentclass{article}
\usepackage{booktabs}
\begin{document}
%s
\end{document}
"""


@pytest.mark.parametrize("name", ["grid", "table1", "table2", "table3", "table4"])
def test_every_table_compiles_with_booktabs_alone(tmp_path: Path, name: str) -> None:
    nasty = r"a_b%&#${x}~^\<y>|é·"
    for ipc in (1, 10):
        for method in ("random", "dm", "m3d"):
            place = {"dataset": "mnist", "ipc": ipc, "settings": {"network": "convnet3", "iterations": 3}}
            add(tmp_path, method, [60.0 + ipc], overrides={"iterations": 10000}, **place)
            metrics = {name: [1.0] for name in ("mean_distance", "variance_distance", "skewness_distance")}
            add(tmp_path, method, [], metrics=metrics, evaluator="moments", unit="distance", **place)
    add(tmp_path, "dm", [1.0], label=f"dm[{nasty}]", dataset=nasty)
    summary = with_published(summarise(frame(tmp_path)))
    tables = tables_of(name, summary, sets(tmp_path))
    compiled(tmp_path, latex(tables))
    assert (tmp_path / "table.pdf").exists() == bool(tables)


def test_rows_that_begin_like_an_argument_and_signs_of_other_alphabets_compile(tmp_path: Path) -> None:
    names = ("[16]birds", "*", "鳥 ≥ 2 → ø", "žluťoučký kůň é ñ å ç", "\x07")
    rows = tuple(Row((name,), (Number(1.0, 0.0, 1),)) for name in names)
    compiled(tmp_path, latex([Table("[x]", ("[dataset]",), ("dm",), rows)]))


def test_no_column_stands_beyond_the_margin_of_a_page(tmp_path: Path) -> None:
    labels = ("random", "herding", "k-center", "dm", "idm", "m3d", "m3d[kernel=linear]", "dm[order=3]", "whole")
    rows = tuple(
        Row(
            ("tinyimagenet", str(ipc)),
            tuple(Number(72.4, 11.4, 100, "best" if label == "m3d" else "", counts="5x20") for label in labels),
        )
        for ipc in (1, 10, 50)
    )
    told = compiled(tmp_path, latex([Table("title", ("dataset", "IPC"), labels, rows, ("note",))]))
    assert "Overfull" not in told


def compiled(folder: Path, text: str) -> str:
    """Return what pdflatex says of *text*."""
    (folder / "table.tex").write_text(DOCUMENT % text, encoding="utf-8")
    told = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert told.returncode == 0, told.stdout[-2000:]
    return told.stdout
