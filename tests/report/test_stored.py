from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h5py
import pytest
from support.made_results import add, cell_of

from dcbench.api.errors import RequestError
from dcbench.engine.store.guards import CorruptFileError
from dcbench.engine.store.hdf5 import put_facts
from dcbench.engine.store.store import Store
from dcbench.report.results import frame
from dcbench.report.stored import StoredReport, changes, describe, is_stored, list_reports, read_report, store_report
from dcbench.report.summary import summarise

if TYPE_CHECKING:
    from pathlib import Path

LATER = "2026-02-02T00:00:00+00:00"


def stored(results: Path, name: str = "mine") -> StoredReport:
    """Store a report over everything in *results*, and read it."""
    path = Store(results).report(name)
    store_report(path, summarise(frame(results)), "the table\n")
    return read_report(path)


def test_a_report_is_stored_by_value_with_its_text_and_the_cells_it_came_from(tmp_path: Path) -> None:
    add(tmp_path, "dm", [1.0, 2.0], replicate=0)
    add(tmp_path, "dm", [3.0, 6.0], replicate=1)
    report = stored(tmp_path)
    assert (report.name, report.text) == ("mine", "the table\n")
    (number,) = report.numbers.to_dict("records")
    (expected,) = summarise(frame(tmp_path)).to_dict("records")
    assert {name: expected[name] for name in number} == number
    assert number["digests"] == " ".join(sorted(cell_of("dm", replicate=seed).digest for seed in (0, 1)))


def test_nothing_has_changed_as_long_as_the_cells_are_the_same(tmp_path: Path) -> None:
    add(tmp_path, "dm", [1.0, 2.0])
    report = stored(tmp_path)
    add(tmp_path, "dm", [50.0], replicate=1)
    add(tmp_path, "m3d", [50.0])
    assert changes(report, frame(tmp_path)) == []
    assert describe(report, frame(tmp_path)) == f"mine  {report.made}  1 number  as its cells are"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"values": [3.0, 3.0], "finished": LATER}, "1.5 (±0.5) (1x2) → 3.0 (±0.0) (1x2)"),
        ({"values": [3.0], "first": 2}, "1.5 (±0.5) (1x2) → 2.0 (±0.8) (1x3)"),
        ({"values": [1.0, 2.001], "finished": LATER}, "1.5 (±0.5) (1x2), by less than is shown"),
    ],
    ids=["made again", "more repeats", "a little"],
)
def test_what_has_changed_is_named(tmp_path: Path, change: dict[str, Any], text: str) -> None:
    add(tmp_path, "dm", [1.0, 2.0])
    add(tmp_path, "m3d", [5.0])
    report = stored(tmp_path)
    add(tmp_path, "dm", **change)
    assert changes(report, frame(tmp_path)) == [f"toy ipc 1 dm {text}"]
    assert describe(report, frame(tmp_path)).endswith(f"  1 of 2 numbers has changed since: toy ipc 1 dm {text}")


def test_what_is_stored_already_is_told_by_numbers_and_text(tmp_path: Path) -> None:
    add(tmp_path, "dm", [1.0, 2.0])
    path, text = Store(tmp_path).report("mine"), "the table\n"
    assert not is_stored(path, summarise(frame(tmp_path)), text), "nothing is"
    stored(tmp_path)
    assert is_stored(path, summarise(frame(tmp_path)), text)
    assert not is_stored(path, summarise(frame(tmp_path)), "another table\n")
    add(tmp_path, "dm", [1.0], replicate=1)
    assert not is_stored(path, summarise(frame(tmp_path)), text)
    path.write_bytes(path.read_bytes()[:200])
    assert not is_stored(path, summarise(frame(tmp_path)), text), "it cannot be read"


def test_a_number_whose_cells_are_gone_says_so(tmp_path: Path) -> None:
    gone = [add(tmp_path, "dm", [1.0]), add(tmp_path, "m3d", [2.0], replicate=1)]
    add(tmp_path, "m3d", [2.0], replicate=0)
    report = stored(tmp_path)
    for path in gone:
        path.unlink()
    assert changes(report, frame(tmp_path)) == [
        "toy ipc 1 dm 1.0 (1x1) → gone",
        "toy ipc 1 m3d 2.0 ± 0.0 (2x1) → 2.0 (1x1)",
    ]
    assert len(changes(report, frame(tmp_path)[:0])) == 2


def test_what_varies_within_a_report_tells_its_numbers_apart(tmp_path: Path) -> None:
    for protocol in ("dc", "idc"):
        add(tmp_path, "dm", [1.0], protocol=protocol)
    report = stored(tmp_path)
    add(tmp_path, "dm", [2.0], protocol="idc", finished=LATER)
    assert changes(report, frame(tmp_path)) == ["toy ipc 1 dm idc 1.0 (1x1) → 2.0 (1x1)"]


def test_a_report_holds_under_the_labels_of_its_run(tmp_path: Path) -> None:
    add(tmp_path, "dm", [1.0])
    path = tmp_path / "reports" / "run.h5"
    store_report(path, summarise(frame(tmp_path)).assign(label="dm[lr=1]"), "")
    assert changes(read_report(path), frame(tmp_path)) == []


def test_a_report_holds_when_its_evaluator_is_chosen_by_another_title(tmp_path: Path) -> None:
    add(tmp_path, "dm", [1.0])
    report = stored(tmp_path)
    add(tmp_path, "dm", [2.0], replicate=1, evaluator_label="accuracy[network=convnet3]", finished=LATER)
    assert set(frame(tmp_path)["evaluator_label"]) == {"accuracy[network=convnet3]"}
    assert changes(report, frame(tmp_path)) == []


def test_many_changes_are_counted_and_some_are_named(tmp_path: Path) -> None:
    for ipc in range(1, 9):
        add(tmp_path, "dm", [1.0], ipc=ipc)
    report = stored(tmp_path)
    text = describe(report, frame(tmp_path)[:0])
    assert "8 of 8 numbers have changed since: " in text
    assert text.count("gone") == 5
    assert text.endswith("; and 3 more")


def test_a_report_over_nothing_is_stored_too(tmp_path: Path) -> None:
    report = stored(tmp_path)
    assert report.numbers.empty
    assert changes(report, frame(tmp_path)) == []


def test_the_latest_report_comes_first_and_a_damaged_one_hides_no_other(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert list_reports(store) == []
    add(tmp_path, "dm", [1.0])
    for day, name in enumerate(("b", "c", "a"), start=1):
        stored(tmp_path, name)
        with h5py.File(store.report(name), "r+") as file:
            put_facts(file, {"made": f"2026-01-0{day}T00:00:00+00:00"})
    assert [report.name for report in list_reports(store)] == ["a", "c", "b"]
    bad = store.report("c")
    bad.write_bytes(bad.read_bytes()[:300])
    with pytest.warns(UserWarning, match=r"c\.h5 is damaged.*left out"):
        assert [report.name for report in list_reports(store)] == ["a", "b"]
    with pytest.raises(CorruptFileError):
        read_report(bad)


def test_a_report_that_is_not_there_is_a_refusal(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"there is no stored report 'mine' in .*reports"):
        read_report(Store(tmp_path).report("mine"))
