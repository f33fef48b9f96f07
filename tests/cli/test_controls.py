"""Texts of a store that a stranger made: a terminal, a document and a spreadsheet show them and do nothing else."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from support.command_line import CommandLine
from support.made_results import add, add_failure
from support.made_sets import add_set

from dcbench.cli.terminal import show
from dcbench.report.render.records import as_csv

EVIL = "evil\x1b[2J\x1b]0;title\x07\x9b31m\u202egnp\u2066\nforged line\r"
HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A store in which a label, a name, settings and a failure are not what they should be."""
    add(tmp_path / "r", "m3d", [90.0], label=EVIL, settings={"lr": EVIL}, choice=EVIL)
    add(tmp_path / "r", "dm", [90.0], label="dm", evaluator_label=EVIL)
    add_set(tmp_path / "r", "m3d", label=EVIL, settings={"lr": EVIL})
    failed = add_failure(tmp_path / "r", "idm", label=EVIL)
    facts = json.loads(failed.read_text())
    del facts["sha256"]
    failed.write_text(json.dumps(facts | {"message": EVIL, "error": EVIL, "traceback": EVIL}))
    (tmp_path / "r" / "reports").mkdir()
    return tmp_path / "r"


FORMATS = ("terminal", "markdown", "latex", "csv", "json", "html")


@pytest.mark.parametrize("form", FORMATS)
def test_no_report_holds_a_control_character(dcbench: CommandLine, results: Path, form: str) -> None:
    ended = dcbench("report", "--results", "r", "--format", form, cwd=results.parent)
    assert ended.code == 0, ended.err
    assert not HARMFUL.search(ended.out + ended.err)
    assert "evil" in ended.out
    if form != "html":  # a browser takes the end of a line for a blank
        assert not any(line.startswith("forged") for line in ended.out.splitlines())
    if form == "json":
        assert EVIL in {record["label"] for record in json.loads(ended.out)}
    dcbench("report", "--results", "r", "--format", form, "--output", "x", cwd=results.parent)
    assert not HARMFUL.search((results.parent / "x").read_text())


def test_no_command_prints_one(dcbench: CommandLine, results: Path) -> None:
    stems = {path.name.partition(".")[0] for path in results.rglob("s*-*")}
    commands = [("show",), *(("show", stem) for stem in stems), ("compare", "r"), ("report", "--store", "kept")]
    commands += [("report", "--stored", "kept"), ("report", "--stored"), ("figure", "ipc", "--output", "x.svg")]
    for command in commands:
        chosen = () if command[0] == "compare" else ("--results", "r")
        ended = dcbench(*command, *(("r",) if command[0] == "compare" else ()), *chosen, cwd=results.parent)
        assert not HARMFUL.search(ended.out + ended.err), command
        assert not any(line.startswith("forged") for line in ended.err.splitlines()), command


@pytest.mark.filterwarnings("ignore:Glyph")
def test_a_figure_is_well_formed(dcbench: CommandLine, results: Path) -> None:
    add(results, "m3d", [91.0], ipc=10, label=EVIL, settings={"lr": EVIL}, choice=EVIL)
    ended = dcbench("figure", "ipc", "--results", "r", "--output", "x.svg", cwd=results.parent)
    assert ended.code == 0, ended.err
    drawn = (results.parent / "x.svg").read_text()
    assert not HARMFUL.search(drawn)
    assert "evil" in "".join(ET.fromstring(drawn).itertext())


def test_no_error_prints_one(dcbench: CommandLine, tmp_path: Path) -> None:
    for command in (("report", "--results", EVIL.replace("\x00", "")), ("list", "methods", EVIL), (EVIL,)):
        ended = dcbench(*command, cwd=tmp_path)
        assert ended.code == 2
        assert not HARMFUL.search(ended.err)
        assert ended.err.count("\n") == 1


def test_what_is_shown_keeps_colours_of_ours_on_a_terminal_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    show("\x1b[1mbold\x1b[0m\x1b[2J\n")
    assert capsys.readouterr().out == "\\u001b[1mbold\\u001b[0m\\u001b[2J\n"


def test_a_spreadsheet_takes_no_text_for_a_formula() -> None:
    import pandas as pd

    texts = ["=1+1", "+a", "-a", "@a", "\t=a", "\r=a", "m3d", "-1.2", "+3e5", "-", "a=b", "", "=\n2"]
    table = pd.DataFrame({"text": texts, "number": [-1.5] * len(texts)})
    read = list(csv.reader(io.StringIO(as_csv(table))))[1:]
    shown = ["'=1+1", "'+a", "'-a", "'@a", "'\\t=a", "'\\r=a", "m3d", "-1.2", "+3e5", "'-", "a=b", "", "'=\\n2"]
    assert [row[0] for row in read] == shown
    assert {row[1] for row in read} == {"-1.5"}


def test_every_command_prints_through_one_function() -> None:
    folder = Path(__file__).parents[2] / "dcbench" / "cli"
    for path in folder.glob("*.py"):
        if path.name != "terminal.py":
            assert not re.search(r"click\.s?echo\(|(?<![\w.])print\(", path.read_text()), path.name
