from __future__ import annotations

import csv
import io
import json
import shlex
import subprocess
import sys
from html import unescape
from typing import TYPE_CHECKING

import pytest
from support.made_results import add, add_failure

from dcbench.report.render import EMPTY

if TYPE_CHECKING:
    from pathlib import Path

    from support.command_line import CommandLine

SLOW = "toy-slow[iterations=3,pause=0]"


def _records(dcbench: CommandLine, results: Path, *filters: str) -> set[tuple[str, int, int]]:
    ended = dcbench("report", "--results", results, "--format", "json", *filters, cwd=results)
    assert ended.code == 0, ended.err
    return {(record["label"], record["ipc"], record["n"]) for record in json.loads(ended.out)}


def test_a_report_shows_every_finished_cell_and_counts_failures(dcbench: CommandLine, finished: Path) -> None:
    ended = dcbench("report", cwd=finished.parent)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.count("(2x2)") == 4, "two seeds times two repeats in two rows of two columns"
    assert "8 cells · 4 failed" in ended.out
    assert ended.out == dcbench("report", "grid", "--results", finished, cwd=finished).out


def test_a_table_in_a_pipe_is_broken_only_where_columns_gives_a_width(dcbench: CommandLine, tmp_path: Path) -> None:
    for number in range(10):
        add(tmp_path / "results", f"method-{number}", [50.0 + number])
    whole = dcbench("report", cwd=tmp_path)
    assert max(map(len, whole.out.splitlines())) > 120
    assert "(part " not in whole.out
    broken = dcbench("report", cwd=tmp_path, COLUMNS="80")
    titles = [line for line in broken.out.splitlines() if line.startswith("last-epoch accuracy")]
    assert [title.rpartition(" (")[2] for title in titles] == ["part 1 of 3)", "part 2 of 3)", "part 3 of 3)"]
    assert max(len(line) for line in broken.out.splitlines() if "│" in line) <= 80
    for no_width in ("0", "", "wide"):
        assert dcbench("report", cwd=tmp_path, COLUMNS=no_width) == whole
    markdown = ("report", "--format", "markdown")
    assert dcbench(*markdown, cwd=tmp_path, COLUMNS="80") == dcbench(*markdown, cwd=tmp_path)
    assert dcbench("report", "--output", "table.txt", cwd=tmp_path, COLUMNS="80").code == 0
    assert (tmp_path / "table.txt").read_text() == whole.out


def test_a_filter_that_fits_nothing_is_named_with_what_is_there(dcbench: CommandLine, finished: Path) -> None:
    ended = dcbench("report", "--methods", "toy-first,tyo", "--ipc", "1,7", cwd=finished.parent)
    assert ended.code == 0
    said = ended.err.splitlines()
    assert len(said) == 2, "one line for each value that fits nothing"
    assert said[0].startswith("warning: no finished cell here has --methods tyo; there is ")
    assert said[1].startswith("warning: no finished cell here has --ipc 7; there is 1, ")


@pytest.mark.parametrize(("table", "about"), [("table1", "evaluator moments"), ("table3", "protocol idc-imagenet")])
def test_a_table_that_stays_empty_says_what_it_is_about(
    dcbench: CommandLine, finished: Path, table: str, about: str
) -> None:
    ended = dcbench("report", table, cwd=finished.parent)
    assert (ended.code, ended.out.strip()) == (0, EMPTY)
    assert ended.err.startswith(f"warning: {table} is about ")
    assert about in ended.err


def test_table3_of_small_images_says_how_to_see_them(dcbench: CommandLine, tmp_path: Path) -> None:
    for protocol in ("dc", "short"):
        add(tmp_path / "results", "dm", [50.0], protocol=protocol)
    ended = dcbench("report", "table3", cwd=tmp_path)
    assert ended.err == (
        "warning: table3 is about the protocol idc-imagenet, that of large images, unless --protocol names another; no "
        "finished cell here is; --protocol dc,short shows what is\n"
    )
    shown = dcbench("report", "table3", "--protocol", "dc,short", cwd=tmp_path)
    assert (shown.code, shown.err, shown.out.count("50.0")) == (0, "", 2)


@pytest.mark.parametrize("form", ["terminal", "csv", "html"])
def test_what_was_written_is_said_apart_from_what_programs_read(
    dcbench: CommandLine, finished: Path, tmp_path: Path, form: str
) -> None:
    ended = dcbench("report", "--format", form, "--output", "a", "--results", finished, cwd=tmp_path)
    assert (ended.code, ended.out, ended.err) == (0, "", "wrote a\n")


def test_a_protocol_chooses_accuracies_and_leaves_table1_its_distances(dcbench: CommandLine, tmp_path: Path) -> None:
    for protocol in ("dc", "m3d"):
        add(tmp_path / "results", "dm", [50.0], protocol=protocol)
    metrics = {f"{moment}_distance": [1.0] for moment in ("mean", "variance", "skewness")}
    add(tmp_path / "results", "dm", [], protocol="", evaluator="moments", unit="distance", metrics=metrics)
    shown = {
        table: [
            (record["metric"], record["protocol"])
            for record in json.loads(
                dcbench("report", table, "--protocol", "m3d", "--format", "json", cwd=tmp_path).out
            )
        ]
        for table in ("table1", "grid")
    }
    assert shown["grid"] == [("accuracy", "m3d")]
    assert sorted(shown["table1"]) == sorted([("accuracy", "m3d"), *((metric, "") for metric in metrics)])


def test_the_failures_of_a_folder_without_results_are_counted(dcbench: CommandLine, tmp_path: Path) -> None:
    add_failure(tmp_path / "results", "dm")
    add_failure(tmp_path / "results", "m3d")
    ended = dcbench("report", cwd=tmp_path)
    assert (ended.code, ended.out) == (0, f"{EMPTY}\n")
    assert ended.err == "warning: 2 jobs failed; 'dcbench show' lists the cells, and shows why for each\n"


def test_filters_that_fit_nothing_together_say_so(dcbench: CommandLine, tmp_path: Path) -> None:
    add(tmp_path / "results", "dm", [1.0], ipc=1)
    add(tmp_path / "results", "m3d", [1.0], ipc=10)
    ended = dcbench("report", "--methods", "dm", "--ipc", "10", cwd=tmp_path)
    assert (ended.code, ended.out) == (0, f"{EMPTY}\n")
    assert ended.err == "warning: no finished cell here fits all of what was chosen\n"


@pytest.mark.parametrize("option", ["methods", "datasets", "protocol", "ipc"])
def test_an_empty_filter_is_refused(dcbench: CommandLine, finished: Path, option: str) -> None:
    ended = dcbench("report", f"--{option}", ",", cwd=finished.parent)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"dcbench: --{option} n")


@pytest.mark.parametrize("table", ["table1", "table4"])
def test_every_form_and_the_stored_report_hold_the_numbers_of_the_table(
    dcbench: CommandLine, tmp_path: Path, table: str
) -> None:
    add(tmp_path / "results", "dm", [50.0], network="", ipc=1)
    asked = ("report", table, "--evaluators", "accuracy")
    assert dcbench(*asked, "--store", "kept", cwd=tmp_path).out == f"{EMPTY}\n"
    assert json.loads(dcbench(*asked, "--format", "json", cwd=tmp_path).out) == []
    assert len(dcbench(*asked, "--format", "csv", cwd=tmp_path).out.splitlines()) == 1
    assert "  0 numbers  " in dcbench("report", "--stored", cwd=tmp_path).out


def test_a_dataset_does_not_change_what_a_table_is_about(dcbench: CommandLine, tmp_path: Path) -> None:
    for protocol in ("dc", "idc-imagenet"):
        add(tmp_path / "results", "dm", [50.0], protocol=protocol)
    for table, about in (("table2", ["dc"]), ("table3", ["idc-imagenet"])):
        text = dcbench("report", table, "--datasets", "toy", "--format", "json", cwd=tmp_path).out
        assert [record["protocol"] for record in json.loads(text)] == about


def test_a_stored_report_stands_alone(dcbench: CommandLine, tmp_path: Path) -> None:
    add(tmp_path / "results", "dm", [50.0])
    assert dcbench("report", "--store", "mine", cwd=tmp_path).code == 0
    assert "50.0" in dcbench("report", "--stored", "mine", "--results", "results", cwd=tmp_path).out
    ended = dcbench("report", "table2", "--stored", "mine", "--format", "json", "--ipc", "1", cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    said = "--stored prints a report as it was kept, and takes --results only; not table, --format, --ipc"
    assert ended.err == f"dcbench: {said}\n"


def test_a_stored_report_is_replaced_only_on_request(dcbench: CommandLine, tmp_path: Path) -> None:
    add(tmp_path / "results", "dm", [50.0])
    store = ("report", "--store", "mine")
    assert [dcbench(*store, cwd=tmp_path).code for _ in range(2)] == [0, 0], "the same report changes nothing"
    add(tmp_path / "results", "dm", [60.0], replicate=1)
    ended = dcbench(*store, cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert "another report is stored as results/reports/mine.h5; choose another name, or add --overwrite" in ended.err
    assert "55.0" not in dcbench("report", "--stored", "mine", cwd=tmp_path).out.splitlines()[4]
    assert dcbench(*store, "--overwrite", cwd=tmp_path).code == 0
    assert "55.0" in dcbench("report", "--stored", "mine", cwd=tmp_path).out
    assert "--overwrite goes with --store" in dcbench("report", "--overwrite", cwd=tmp_path).err


def test_nothing_is_printed_where_standard_output_is_closed(tmp_path: Path) -> None:
    add(tmp_path / "results", "dm", [50.0])
    call = [sys.executable, "-c", "from dcbench.cli import main; main(['report'])"]
    script = f"{shlex.join(call)} >&-"
    ended = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_name_that_no_file_can_have_is_refused_before_anything_is_printed(
    dcbench: CommandLine, finished: Path
) -> None:
    ended = dcbench("report", "--store", "a/b", cwd=finished.parent)
    assert (ended.code, ended.out) == (2, "")
    assert "such as a_b" in ended.err


@pytest.mark.parametrize(
    ("form", "start"),
    [
        ("terminal", "count, pixel, test split\n┏"),
        ("markdown", "**count, pixel, test split**\n\n|"),
        ("latex", "\\begin{table}[t]\n\\caption{count, pixel, test split"),
        ("csv", "dataset,method,label,ipc,"),
        ("json", "["),
    ],
)
def test_every_format_is_printed_or_written(
    dcbench: CommandLine, finished: Path, tmp_path: Path, form: str, start: str
) -> None:
    shown = dcbench("report", "--results", finished, "--format", form, cwd=tmp_path)
    assert shown.code == 0, shown.err
    assert shown.out.startswith(start)
    written = dcbench("report", "--results", finished, "--format", form, "--output", "table", cwd=tmp_path)
    assert (written.code, written.out) == (0, "")
    assert (tmp_path / "table").read_text() == shown.out


def test_csv_and_json_agree(dcbench: CommandLine, finished: Path) -> None:
    as_csv, as_json = (dcbench("report", "--format", form, cwd=finished.parent).out for form in ("csv", "json"))
    lines = list(csv.DictReader(io.StringIO(as_csv)))
    assert [(line["label"], int(line["ipc"]), float(line["mean"])) for line in lines] == [
        (record["label"], record["ipc"], pytest.approx(record["mean"])) for record in json.loads(as_json)
    ]


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ((), {("toy-first", 1, 4), ("toy-first", 2, 4), (SLOW, 1, 4), (SLOW, 2, 4)}),
        (("--methods", SLOW), {(SLOW, 1, 4), (SLOW, 2, 4)}),
        (("--ipc", "2"), {("toy-first", 2, 4), (SLOW, 2, 4)}),
        (("--seeds", "1-5", "--ipc", "1", "--datasets", "toy"), {("toy-first", 1, 2), (SLOW, 1, 2)}),
        (("--split", "validation"), set()),
        (("--evaluators", "accuracy"), set()),
    ],
    ids=range(6),
)
def test_filters_choose(
    dcbench: CommandLine, finished: Path, filters: tuple[str, ...], left: set[tuple[str, int, int]]
) -> None:
    assert _records(dcbench, finished, *filters) == left


def test_best_epoch_figures_are_shown_on_request(dcbench: CommandLine, tmp_path: Path) -> None:
    add(tmp_path / "results", "dm", [50.0], best=[60.0])
    metrics = {"mean_distance": [1.0], "variance_distance": [2.0]}
    add(tmp_path / "results", "dm", [], metrics=metrics, evaluator="moments", unit="distance")
    assert "60.0" not in dcbench("report", cwd=tmp_path).out
    both = dcbench("report", "--best-epoch", cwd=tmp_path).out
    assert both.index("50.0") < both.index("best-epoch accuracy (picked on the evaluated split)") < both.index("60.0")
    assert "mean_distance" in both
    assert "variance_distance" not in both


def test_published_numbers_are_shown_on_request(dcbench: CommandLine, tmp_path: Path) -> None:
    add(tmp_path / "results", "dm", [80.0], dataset="mnist", protocol="dsa", settings={"iterations": 20_000})
    assert "89.7" not in dcbench("report", cwd=tmp_path).out
    text = dcbench("report", "--published", cwd=tmp_path).out
    assert text.index("80.0 (1x1)") < text.index("89.7 ± 0.6 (5x5)") < text.index("\N{MINUS SIGN}9.7")
    (record,) = json.loads(dcbench("report", "--published", "--format", "json", cwd=tmp_path).out)
    assert (record["published"], record["difference"]) == (89.7, pytest.approx(-9.7))


def test_published_numbers_bring_the_rows_of_coresets_under_their_own_protocol(
    dcbench: CommandLine, tmp_path: Path
) -> None:
    for method in ("random", "herding", "k-center", "dm"):
        for protocol in ("dc", "m3d"):
            add(tmp_path / "results", method, [50.0], dataset="mnist", protocol=protocol)
    chosen = ("report", "--protocol", "m3d", "--format", "json")
    shown = {
        flags: [
            (record["label"], record["protocol"]) for record in json.loads(dcbench(*chosen, *flags, cwd=tmp_path).out)
        ]
        for flags in ((), ("--published",))
    }
    m3d = [("dm", "m3d"), ("herding", "m3d"), ("k-center", "m3d"), ("random", "m3d")]
    assert shown[()] == m3d
    assert sorted(shown[("--published",)]) == sorted([*m3d, ("herding", "dc"), ("k-center", "dc"), ("random", "dc")])


def test_a_report_over_nothing_says_so_and_is_no_error(dcbench: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    ended = dcbench("report", cwd=tmp_path)
    assert (ended.code, ended.out, ended.err) == (0, f"{EMPTY}\n", "")
    assert json.loads(dcbench("report", "--format", "json", cwd=tmp_path).out) == []


def test_results_that_are_not_there_are_a_mistake(dcbench: CommandLine, tmp_path: Path) -> None:
    ended = dcbench("report", "--results", "reslts", cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "dcbench: there is no results folder reslts; 'dcbench run' makes one\n"
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_is_warned_about_in_one_line_and_left_out(dcbench: CommandLine, tmp_path: Path) -> None:
    add(tmp_path / "results", "dm", [50.0])
    bad = add(tmp_path / "results", "m3d", [60.0])
    bad.write_bytes(bad.read_bytes()[:300])
    ended = dcbench("report", cwd=tmp_path)
    assert ended.code == 0
    assert "50.0" in ended.out
    assert ended.err.startswith("warning: ")
    assert bad.name in ended.err
    assert ended.err.count("\n") == 1


def test_an_output_that_cannot_be_written_is_one_line(dcbench: CommandLine, finished: Path, tmp_path: Path) -> None:
    ended = dcbench("report", "--results", finished, "--output", "no/such/folder.md", cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "dcbench: report: Invalid value for '--output': there is no folder no/such\n"


def test_a_dataset_with_settings_is_chosen_as_it_was_and_made_again_by_the_command_of_the_page(
    dcbench: CommandLine, data: Path, tmp_path: Path
) -> None:
    grid = ("--datasets", "toy[name=little]", "--set", "toy.per_class=5", "--evaluators", "count", "--ipc", "1")
    ended = dcbench("run", *grid, "--methods", "toy-first", "--device", "cpu", "--data", data, cwd=tmp_path)
    assert ended.code == 0, ended.err
    choice = "toy[per_class=5,name=little]"
    for text in ("little", choice):
        assert "little" in dcbench("report", "--datasets", text, cwd=tmp_path).out
    assert EMPTY in dcbench("report", "--datasets", "toy", cwd=tmp_path).out
    page = unescape(dcbench("report", "--format", "html", "--data", data, cwd=tmp_path).out)
    assert f"--datasets '{choice}'" in page
