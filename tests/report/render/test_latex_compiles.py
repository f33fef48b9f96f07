"""What is written for LaTeX, through LaTeX itself, where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from made_results import add

from dcbench.report.beside import beside
from dcbench.report.frame import frame
from dcbench.report.render import latex
from dcbench.report.summary import summarise
from dcbench.report.tables import completed, make_tables

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
            add(tmp_path, method, [60.0 + ipc], departures={"iterations": 10000}, **place)
            figures = {name: [1.0] for name in ("mean_distance", "variance_distance", "skewness_distance")}
            add(tmp_path, method, [], figures=figures, evaluator="moments", kind="distance", **place)
    add(tmp_path, "dm", [1.0], label=f"dm[{nasty}]", dataset=nasty)
    summary = beside(summarise(frame(tmp_path)))
    summary = completed(name, summary, lambda: pd.DataFrame(columns=["digest", "seconds", "device"]))
    tables = make_tables(name, summary)
    (tmp_path / "table.tex").write_text(DOCUMENT % latex(tables), encoding="utf-8")
    told = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert told.returncode == 0, told.stdout[-2000:]
    assert (tmp_path / "table.pdf").exists() == bool(tables)
