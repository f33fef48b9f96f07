from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.results import Results, Row, read
from benchmarks.table import render
from dcbench import RequestError

MACHINE: dict[str, Any] = {
    "processor": "Abacus",
    "cores": 2,
    "device": "Abacus",
    "precision": "float32",
    "versions": {"torch": "2.6"},
    "threads": {"literal": 2, "fast": 2},
}


def row(name: str, **changes: Any) -> Row:
    values = {"what": "sizes", "literal_s": 3.0, "fast_s": 2.0, "flops": 100.0, "bytes": 30.0, "rounds": 3}
    return Row(name=name, **{**values, **changes})


def results(*rows: Row, flops_per_s: float = 100.0, bytes_per_s: float = 20.0, **machine: Any) -> Results:
    ceilings = {"flops_per_s": flops_per_s, "bytes_per_s": bytes_per_s}
    return Results(machine={**MACHINE, **machine}, ceilings=ceilings, date="2026-01-01", rows=rows)


def test_a_record_holds_what_follows_from_the_times() -> None:
    (record,) = results(row("a")).record()["rows"]
    assert record["ratio"] == 1.5
    assert record["floor_s"] == 1.5, "30 bytes at 20 a second take longer than 100 operations at 100 a second"
    assert (record["flops_per_s"], record["bytes_per_s"]) == (50, 15)


def test_what_there_is_not_is_null_in_json_and_a_dash_in_the_table() -> None:
    made = results(row("a", literal_s=None, flops=0, bytes=0))
    (record,) = json.loads(json.dumps(made.record()))["rows"]
    assert [record[key] for key in ("literal_s", "ratio", "floor_s", "flops_per_s", "bytes_per_s")] == [None] * 5
    assert render(made).splitlines()[-1].split() == ["a", "sizes", "-", "2.00", "s", *["-"] * 5]


def test_the_table_says_how_far_the_floor_is() -> None:
    line = render(results(row("a", fast_s=0.002, flops=0.1, bytes=0))).splitlines()[-1]
    assert " ".join(line.split()) == "a sizes 3.00 s 2 ms 1500.00 0.0 - 1 ms 50 %"


def test_rows_come_back_from_a_file(tmp_path: Path) -> None:
    made = results(row("a"), row("b", literal_s=None))
    made.write(tmp_path / "deep" / "results.json")
    assert read(tmp_path / "deep" / "results.json") == made


@pytest.mark.parametrize("text", ["", "[]", '{"rows": [{}]}'])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "other.json").write_text(text)
    with pytest.raises(RequestError, match="holds no results"):
        read(tmp_path / "other.json")


def test_later_rows_replace_those_of_the_same_name_under_the_higher_ceilings() -> None:
    first = results(row("a"), row("b"), flops_per_s=100, bytes_per_s=20)
    merged = first.merged(results(row("b", fast_s=1.0), row("c"), flops_per_s=90, bytes_per_s=30))
    assert [(one.name, one.fast_s) for one in merged.rows] == [("a", 2.0), ("b", 1.0), ("c", 2.0)]
    assert merged.ceilings == {"flops_per_s": 100, "bytes_per_s": 30}


def test_results_of_another_machine_are_not_mixed() -> None:
    with pytest.raises(RequestError, match="cores differs"):
        results(row("a")).merged(results(row("b"), cores=64))
