from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.made_reports import grid_tables, with_published
from support.made_results import add, cell_of

from dcbench.api.report import Number, Row, Table
from dcbench.report import render
from dcbench.report.published import FIELDS
from dcbench.report.render.latex import literal as latex_literal
from dcbench.report.results import frame
from dcbench.report.summary import summarise

if TYPE_CHECKING:
    from pathlib import Path

TABLE = Table(
    title="last-epoch accuracy, test split, protocol dc",
    heads=("dataset", "IPC"),
    columns=("random", "dm"),
    rows=(
        Row(("digits", "1"), (Number(64.94, 3.46, 5, "second"), Number(89.2, 1.6, 10, "best"))),
        Row(("digits", "10"), (None, Number(97.0, 0.0, 1))),
    ),
    notes=("mean ± std (sets x repeats) · 3/4 cells",),
)
BESIDE = Table(
    title="title",
    heads=("dataset", "IPC"),
    columns=("random", "k-center", "m3d"),
    rows=(
        Row(
            ("mnist", "1"),
            (
                Number(60.0, 1.0, 5, published="64.9 ± 3.5 (5x20)", difference=-4.9),
                Number(89.28, 1.0, 5, "best", published="89.3 ± 1.5 (5x20)", difference=-0.02),
                Number(88.0, 0.0, 1, published="94.4 ± 0.2 (1x10) †‡"),
            ),
        ),
        Row(("mnist", "10"), (None, Number(84.0, 1.0, 5), Number(97.0, 0.0, 1, published="97.6 ± 0.1 (1x10) §¶"))),
        Row(("mnist", "50"), (None, None, None)),
    ),
)
BESIDE_LINES = [
    ["mnist", "1", "60.0 ± 1.0 (5)", "89.3 ± 1.0 (5)", "88.0 (1)"],
    ["published", "", "64.9 ± 3.5 (5x20)", "89.3 ± 1.5 (5x20)", "94.4 ± 0.2 (1x10) †‡"],
    ["difference", "", "\N{MINUS SIGN}4.9", "+0.0", ""],
    ["mnist", "10", "-", "84.0 ± 1.0 (5)", "97.0 (1)"],
    ["published", "", "", "", "97.6 ± 0.1 (1x10) §¶"],
    ["mnist", "50", "-", "-", "-"],
]
NASTY = ("<script>alert(1)</script>", "[bold]loud[/bold]", "a|b", "_100% & #1 ${x}~^\\<y>_", "*star* `code`")


def _labelled(*labels: str) -> Table:
    return Table(
        "title", ("dataset", "IPC"), labels, (Row(("digits", "1"), tuple(Number(1.0, 0.0, 1) for _ in labels)),)
    )


def test_a_terminal_shows_mean_deviation_and_count_and_a_dash_for_what_is_missing() -> None:
    text = render.terminal([TABLE])
    lines = [[cell.strip() for cell in line.strip("│").split("│")] for line in text.splitlines() if "│" in line]
    assert lines == [["digits", "1", "64.9 ± 3.5 (5)", "89.2 ± 1.6 (10)"], ["digits", "10", "-", "97.0 (1)"]]
    assert text.startswith(TABLE.title)
    assert text.rstrip().endswith(TABLE.notes[0])


def test_a_terminal_shows_the_best_in_bold_and_only_when_colour_is_asked_for() -> None:
    bold = re.findall(r"\x1b\[1m([^\x1b]*)\x1b\[0m", render.terminal([TABLE], colour=True))
    assert [text.strip() for text in bold if "±" in text] == ["89.2 ± 1.6 (10)"]
    assert "\x1b" not in render.terminal([TABLE])


def test_a_terminal_shows_what_was_published_below_what_was_measured() -> None:
    lines = render.terminal([BESIDE]).splitlines()
    cells = [[cell.strip() for cell in line.strip("│").split("│")] for line in lines if "│" in line]
    assert cells == BESIDE_LINES
    assert sum("├" in line for line in lines) == 2, "a line after each row with published numbers"


@pytest.mark.parametrize("width", [20, 60, 1000])
def test_published_numbers_count_for_the_width(width: int) -> None:
    lines = render.terminal([BESIDE], width=width).splitlines()
    assert max(map(len, lines)) <= max(width, 50), "one column is shown however narrow the terminal"
    assert {cell for line in BESIDE_LINES for cell in line if cell} <= {
        cell.strip() for line in lines for cell in line.split("│")
    }


def test_markdown_shows_what_was_published_below_what_was_measured() -> None:
    lines = [line for line in render.markdown([BESIDE]).splitlines() if line.startswith("|")][2:]
    cells = [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in lines]
    assert cells == BESIDE_LINES


def test_latex_shows_what_was_published_below_what_was_measured() -> None:
    text = render.latex([BESIDE])
    bodies = [part.partition(r"\bottomrule")[0].splitlines()[1:] for part in text.split(r"\midrule")[1:]]
    assert bodies == [
        [
            r"mnist & 1 & 60.0 $\pm$ 1.0 (5) & \textbf{89.3 $\pm$ 1.0 (5)} \\",
            r"published &  & 64.9 $\pm$ 3.5 (5x20) & 89.3 $\pm$ 1.5 (5x20) \\",
            r"difference &  & $-$4.9 & +0.0 \\",
            r"mnist & 10 & - & 84.0 $\pm$ 1.0 (5) \\",
            r"mnist & 50 & - & - \\",
        ],
        [
            r"mnist & 1 & 88.0 (1) \\",
            r"published &  & 94.4 $\pm$ 0.2 (1x10) \dag{}\ddag{} \\",
            r"mnist & 10 & 97.0 (1) \\",
            r"published &  & 97.6 $\pm$ 0.1 (1x10) \S{}\P{} \\",
            r"mnist & 50 & - \\",
        ],
    ]


@pytest.mark.parametrize("form", [render.terminal, render.markdown, render.latex])
def test_a_report_over_nothing_says_so(form: object) -> None:
    assert render.EMPTY in form([])  # type: ignore[operator]


@pytest.mark.parametrize("label", NASTY)
def test_a_terminal_shows_labels_as_they_are(label: str) -> None:
    assert re.search(f"┃ +{re.escape(label)} ┃", render.terminal([_labelled(label)]))


@pytest.mark.parametrize("width", [20, 60, 80, 120, 1000])
def test_a_table_too_wide_for_the_terminal_goes_on_below_and_no_number_is_cut(width: int) -> None:
    labels = tuple(f"method-{number}" for number in range(30))
    rows = (Row(("digits", "10"), tuple(Number(float(number), 0.0, 5) for number in range(30))),)
    lines = render.terminal([Table("title", ("dataset", "IPC"), labels, rows, ("note",))], width=width).splitlines()
    assert [name for line in lines if "IPC" in line for name in re.findall(r"method-\d+", line)] == list(labels)
    numbers = [number for line in lines for number in re.findall(r"[\d.]+ ± 0\.0 \(5\)", line)]
    assert numbers == [f"{number}.0 ± 0.0 (5)" for number in range(30)]
    assert max(map(len, lines)) <= max(width, 40), "one column is shown however narrow the terminal"
    titles = [line for line in lines if line.startswith("title")]
    count = len(titles)
    assert titles == (
        [f"title (part {number} of {count})" for number in range(1, count + 1)] if count > 1 else ["title"]
    )
    assert count == sum(line.startswith("┏") for line in lines), "each part has its title"
    assert (count > 1) == (width < 1000)
    assert lines.count("  note") == 1, "below the last part"


def test_without_a_width_thirty_long_labels_stand_in_one_table() -> None:
    labels = tuple(f"m3d[kernel=linear,iterations=10000,lr=0.{number:02}]" for number in range(30))
    (heads,) = [line for line in render.terminal([_labelled(*labels)]).splitlines() if "IPC" in line]
    assert [head.strip() for head in heads.strip("┃").split("┃")][2:] == list(labels)


def test_markdown_is_a_pipe_table_with_the_best_in_bold() -> None:
    assert [re.sub(r" +|-{2,}", " ", line) for line in render.markdown([TABLE]).splitlines()] == [
        "**last-epoch accuracy, test split, protocol dc**",
        "",
        "| dataset | IPC | random | dm |",
        "|: |: |: |: |",
        "| digits | 1 | <u>64.9 ± 3.5 (5)</u> | **89.2 ± 1.6 (10)** |",
        "| digits | 10 | - | 97.0 (1) |",
        "",
        "mean ± std (sets x repeats) · 3/4 cells",
    ]


def test_markdown_shows_labels_as_they_are() -> None:
    (heads,) = [line for line in render.markdown([_labelled(*NASTY)]).splitlines() if "IPC" in line]
    cells = re.split(r"(?<!\\)\|", heads)[3:-1]
    assert [re.sub(r"\\(.)", r"\1", cell.strip()) for cell in cells] == list(NASTY)
    assert not re.search(r"(?<!\\)[<>*`]", heads)


def test_latex_is_a_booktabs_table_with_caption_and_the_best_in_bold() -> None:
    assert render.latex([TABLE]).splitlines() == [
        r"\begin{table}[t]",
        r"\caption{last-epoch accuracy, test split, protocol dc. mean $\pm$ std (sets x repeats) $\cdot$ 3/4 cells}",
        r"\label{tab:last-epoch-accuracy-test-split-protocol-dc}",
        r"\begin{tabular}{llrr}",
        r"\toprule",
        r"dataset & IPC & random & dm \\",
        r"\midrule",
        r"digits & 1 & \underline{64.9 $\pm$ 3.5 (5)} & \textbf{89.2 $\pm$ 1.6 (10)} \\",
        r"digits & 10 & - & 97.0 (1) \\",
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]


def test_latex_escapes_what_is_special() -> None:
    assert latex_literal(r"_ % & # $ { } ~ ^ \ < >") == (
        r"\_ \% \& \# \$ \{ \} \textasciitilde{} \textasciicircum{} \textbackslash{} \textless{} \textgreater{}"
    )


@given(st.text(alphabet="_%&#$x ^~\\{}<>"))
def test_latex_of_any_text_has_balanced_braces_and_nothing_special_left(text: str) -> None:
    escaped = latex_literal(text)
    words = re.sub(r"\\text(backslash|asciitilde|asciicircum|less|greater)\{\}", "", escaped)
    assert not re.search(r"(?<!\\)[_%&#$^~{}<>]", words)
    assert "\\" not in re.sub(r"\\[_%&#${}]", "", words)


def test_latex_labels_leave_one_cell_per_column() -> None:
    heads = [line for line in render.latex([_labelled(*NASTY)]).splitlines() if "IPC" in line]
    assert sum(len(re.split(r"(?<!\\)&", line)) - 2 for line in heads) == len(NASTY)


def test_latex_of_a_wide_table_goes_on_in_further_ones_with_labels_of_their_own() -> None:
    labels = tuple(f"method-{number}" for number in range(12))
    rows = (Row(("digits", "10"), tuple(Number(float(number), 0.0, 5) for number in range(12))),)
    text = render.latex([Table("a title", ("dataset", "IPC"), labels, rows, ("note",))])
    assert re.findall(r"method-\d+", text) == list(labels)
    assert re.findall(r"\d+\.0(?= \$)", text) == [f"{number}.0" for number in range(12)]
    captions, names = re.findall(r"\\caption{(.*)}", text), re.findall(r"\\label{(.*)}", text)
    assert len(captions) > 1
    assert captions == ["a title. note", *["a title, continued"] * (len(captions) - 1)]
    assert names == ["tab:a-title", *(f"tab:a-title-{number}" for number in range(2, len(captions) + 1))]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("é", r"\'{e}"),
        ("e\N{COMBINING ACUTE ACCENT}", r"\'{e}"),
        ("≥ 2", r"$\geq$ 2"),
        ("鳥", r"\texttt{U+9CE5}"),
        ("\n", r"\texttt{U+000A}"),
    ],
)
def test_latex_writes_signs_so_that_pdflatex_knows_them(text: str, written: str) -> None:
    assert latex_literal(text) == written


def test_latex_says_once_that_signs_are_written_as_code_points() -> None:
    assert render.latex([_labelled("鳥", "島"), _labelled("山")]).count("code points") == 1
    assert "code points" not in render.latex([_labelled("é")])


@pytest.mark.parametrize("name", ["[16]birds", "*"])
def test_latex_keeps_the_beginning_of_a_row_apart_from_the_end_of_the_one_before(name: str) -> None:
    text = render.latex([Table("title", (name,), ("dm",), (Row((name,), (None,)),))])
    assert [line for line in text.splitlines() if name in line] == [f"{{}}{name} & dm \\\\", f"{{}}{name} & - \\\\"]


def test_json_and_csv_hold_the_same_records_with_the_fields_that_others_rely_on(tmp_path: Path) -> None:
    add(tmp_path, "m3d", [1.0, 2.0], label='m3d[a="x,y"]', settings={"a": "x,y"}, dataset="näh", ipc=10)
    add(tmp_path, "dm", [3.0], dataset="näh")
    summary = summarise(frame(tmp_path))
    records = json.loads(render.json(summary))
    assert [record["label"] for record in records] == ["dm", 'm3d[a="x,y"]']
    assert records[1] == {
        "dataset": "näh",
        "method": "m3d",
        "label": 'm3d[a="x,y"]',
        "ipc": 10,
        "protocol": "dc",
        "network": "convnet3",
        "evaluator": "accuracy",
        "evaluator_label": "accuracy",
        "figure": "accuracy",
        "mean": 1.5,
        "std": 0.5,
        "n": 2,
        "cells": 1,
        "split": "test",
        "kind": "percent",
        "reference": False,
        "fewest": 2,
        "most": 2,
        "older": 0,
        "variant": summary.set_index("label")["variant"]['m3d[a="x,y"]'],
        "digests": cell_of("m3d", label='m3d[a="x,y"]', settings={"a": "x,y"}, dataset="näh", ipc=10).digest,
        "superseded": "",
        "metric": "accuracy",
        "unit": "percent",
        "budget_exempt": False,
    }
    lines = list(csv.DictReader(io.StringIO(render.csv(summary))))
    assert lines == [{name: str(value) for name, value in record.items()} for record in records]


def test_json_and_csv_keep_every_bit_and_json_has_null_for_what_is_no_number(tmp_path: Path) -> None:
    for ipc in range(1, 5):
        add(tmp_path, "dm", [1.0], ipc=ipc)
    summary = summarise(frame(tmp_path)).assign(mean=[1e-12, float("nan"), float("inf"), 1 / 3])
    records = json.loads(render.json(summary), parse_constant=pytest.fail)
    assert [record["mean"] for record in records] == [1e-12, None, None, 1 / 3]
    lines = list(csv.DictReader(io.StringIO(render.csv(summary))))
    assert [lines[place]["mean"] for place in (0, 3)] == ["1e-12", str(1 / 3)]


def test_json_and_csv_of_nothing_are_an_empty_list_and_a_header(tmp_path: Path) -> None:
    summary = summarise(frame(tmp_path))
    assert json.loads(render.json(summary)) == []
    assert render.csv(summary).splitlines() == [",".join(render.RECORD)]


def test_json_and_csv_gain_the_published_fields_and_say_null_where_there_is_nothing(tmp_path: Path) -> None:
    add(tmp_path, "random", [60.0], dataset="mnist")
    add(tmp_path, "whole", [99.0], dataset="mnist")
    add(tmp_path, "dm", [70.0], dataset="digits")
    summary = with_published(summarise(frame(tmp_path)))
    records, source = json.loads(render.json(summary)), "arXiv 2312.15927"
    assert [list(record) for record in records] == [[*render.RECORD, *FIELDS]] * 3
    assert [[record[name] for name in FIELDS] for record in records] == [
        [None] * 11,
        [64.9, 3.5, 5, 20, "mnist", "dc", "last", None, None, pytest.approx(-4.9), source],
        [99.6, 0.0, None, None, "mnist", None, None, None, None, None, source],
    ]
    lines = list(csv.DictReader(io.StringIO(render.csv(summary))))
    assert [line["published"] for line in lines] == ["", "64.9", "99.6"]
    assert [line["published_protocol"] for line in lines] == ["", "dc", ""]


def test_every_format_takes_thirty_methods(tmp_path: Path) -> None:
    for number in range(30):
        add(tmp_path, f"method-{number}", [float(number)])
    tables = grid_tables(summarise(frame(tmp_path)))
    for form in (render.terminal, render.markdown, render.latex):
        assert all(f"method-{number}" in form(tables) for number in range(30))
