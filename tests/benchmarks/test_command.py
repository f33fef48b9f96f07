"""The command with its two processes, as it is used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.__main__ import main
from benchmarks.cases.matching import Step
from benchmarks.cases.parts import PatchDecoding

FAILS = Step(name="too-small", what="", method="dm", ipc=1, classes=2, side=4, per_class=4)
WORKS = PatchDecoding(name="decode-tiny", what="tiny", classes=2, ipc=1, factor=2, side=8)


@pytest.mark.slow
def test_json_file_and_exit_code_tell_of_rows_and_failures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.cases.chosen", lambda **_: [FAILS, WORKS])
    path = tmp_path / "results.json"
    ran = CliRunner().invoke(main, ["--device", "cpu", "--rounds", "1", "--json", "--output", str(path)])
    assert ran.exit_code == 1, ran.output
    assert json.loads(ran.stdout) == json.loads(path.read_text())
    (row,) = json.loads(ran.stdout)["rows"]
    assert (row["name"], row["what"], row["rounds"]) == ("decode-tiny", "tiny", 1)
    assert row["ratio"] == row["literal_s"] / row["fast_s"]
    assert set(json.loads(ran.stdout)["machine"]["threads"]) == {"literal", "fast"}
    assert "too-small: " in ran.stderr
    assert "cannot be halved" in ran.stderr


def test_a_wrong_name_is_a_usage_error() -> None:
    ran = CliRunner().invoke(main, ["--device", "cpu", "--only", "m4d"])
    assert ran.exit_code == 2
    assert "no case is called m4d" in ran.output


def test_all_cases_are_listed() -> None:
    assert "m3d-224px-ipc10" in CliRunner().invoke(main, ["--list"]).output
