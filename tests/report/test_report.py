from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from support.made_results import add, add_failure

import dcbench
from dcbench.report.filters import Filter
from dcbench.report.published import explain, join, published_text
from dcbench.report.report import Query, build
from dcbench.report.results import frame
from dcbench.report.summary import entries, summarise

NUMBER = {"dataset": "toy", "ipc": 1, "method": "dm", "network": "convnet3", "evaluator": "accuracy"}


def paper(source: str, published: float, **more: object) -> dcbench.PublishedNumbers:
    number = NUMBER | {"metric": "accuracy", "published": published, "protocol": "dc", "selection": "last"} | more
    return dcbench.PublishedNumbers(
        source=source, numbers=pd.DataFrame([number]), selections={"accuracy": "last"}, notes={"distance": "careful"}
    )


def test_each_printed_number_carries_its_row_of_the_summary(tmp_path: Path) -> None:
    for method in ("dm", "m3d"):
        for ipc in (1, 10):
            add(tmp_path, method, [50.0 + ipc], best=[60.0], ipc=ipc)
    report = build(Query(tmp_path))
    rows = {row["row"]: row for row in entries(report.summary)}
    numbers = [number for table in report.tables for row in table.rows for number in row.numbers if number]
    assert len(numbers) == len(rows) == 4
    for number in numbers:
        assert number.entry is not None
        assert rows[number.entry["row"]]["mean"] == number.mean
        assert number.anchor == f"n{number.entry['row']}"


def test_a_report_holds_what_was_chosen_and_no_more(tmp_path: Path) -> None:
    for method in ("dm", "m3d"):
        add(tmp_path, method, [50.0])
        add_failure(tmp_path, method, ipc=10)
    report = build(Query(tmp_path, chosen=Filter(methods=("dm",))))
    assert set(report.summary["label"]) == set(report.results.evaluations["label"]) == set(report.failures["label"])
    assert report.tables[0].columns == ("dm",)


def test_best_epochs_are_added_to_any_report(tmp_path: Path) -> None:
    add(tmp_path, "dm", [50.0], best=[60.0])
    metrics = {best: set(build(Query(tmp_path, "table4", best_epoch=best)).summary["metric"]) for best in (False, True)}
    assert metrics == {False: {"accuracy"}, True: {"accuracy", "accuracy_best_epoch"}}


def test_of_several_papers_the_first_that_has_a_number_counts_and_each_is_named(tmp_path: Path) -> None:
    add(tmp_path, "dm", [60.0])
    add(tmp_path, "random", [40.0])
    papers = [paper("first", 61.0), paper("second", 99.0), paper("third", 41.0, method="random")]
    found = {entry["method"]: entry for entry in entries(join(summarise(frame(tmp_path)), papers))}
    assert {method: published_text(entry) for method, entry in found.items()} == {
        "dm": "61.0 (?)",
        "random": "41.0 (?)",
    }
    assert {method: entry["published_source"] for method, entry in found.items()} == {"dm": "first", "random": "third"}
    lines = list(explain(list(found.values())))
    assert [line.rpartition(", in ")[2] for line in lines if line.startswith("published:")] == ["first", "third"]


def test_a_paper_has_a_line_of_its_own_for_distances(tmp_path: Path) -> None:
    add(tmp_path, "dm", [], metrics={"gap": [1.0]}, evaluator="count", unit="distance")
    summary = join(summarise(frame(tmp_path)), [paper("theirs", 2.0, evaluator="count", metric="gap")])
    assert "careful" in list(explain(entries(summary)))


def test_without_a_paper_no_number_belongs_here(tmp_path: Path) -> None:
    add(tmp_path, "dm", [60.0])
    summary = join(summarise(frame(tmp_path)), [])
    assert list(explain(entries(summary))) == ["no published number belongs here"]


def test_a_report_that_is_not_there_is_refused_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(dcbench.RequestError, match=r"no report is called 'tabel1'; did you mean 'table1'\?"):
        build(Query(tmp_path, "tabel1"))
