from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from support.made_reports import grid_tables, with_published
from support.made_results import add

from dcbench.report.published import FIELDS, explain, published_text
from dcbench.report.results import frame
from dcbench.report.summary import summarise
from dcbench_plugins.reports.m3d_paper.numbers import paper_table

if TYPE_CHECKING:
    from pathlib import Path


IMAGENET = {"protocol": "idc-imagenet", "dataset": "imagenet10", "ipc": 10, "network": "resnetap10"}


def _entries(results: Path) -> list[dict[str, Any]]:
    return with_published(summarise(frame(results))).to_dict("records")  # type: ignore[return-value]


RECOMMENDED = {"dm": {"iterations": 20_000}, "m3d": {"iterations": 10_000}}


def _entry(results: Path, method: str, values: tuple[float, ...] = (60.0,), **changes: Any) -> dict[str, Any]:
    add(results, method, values, **{"dataset": "mnist", "settings": RECOMMENDED.get(method), **changes})
    (entry,) = _entries(results)
    return entry


def _known(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: None if pd.isna(entry[name]) else entry[name] for name in FIELDS}


def test_the_difference_is_measured_minus_published_where_everything_agrees(tmp_path: Path) -> None:
    entry = _entry(tmp_path, "random", (60.0, 63.0), protocol="dc")
    assert _known(entry) == {
        "published": 64.9,
        "published_std": 3.5,
        "published_sets": 5,
        "published_networks": 20,
        "published_dataset": "mnist",
        "published_protocol": "dc",
        "published_selection": "last",
        "published_note": None,
        "published_iterations": None,
        "difference": pytest.approx(61.5 - 64.9),
        "published_source": "arXiv 2312.15927",
    }
    assert published_text(entry) == "64.9 ± 3.5 (5x20)"


@pytest.mark.parametrize(
    ("changes", "text", "note"),
    [
        ({"method": "dm", "protocol": "m3d"}, "89.7 ± 0.6 (5x5) †", "† protocol of the published number: dsa (dm)"),
        (
            {"method": "m3d", "protocol": "m3d"},
            "94.4 (±0.2) (1x10) ‡",
            "‡ epoch of the published number: best on test (m3d)",
        ),
        (
            {"method": "whole", "protocol": "m3d"},
            "99.6 ± 0.0 (?) †‡",
            "† protocol of the published number: not known (whole)",
        ),
        (
            {"method": "dm", "protocol": "dsa", "dataset": "cifar10-jpeg", "source": "folder"},
            "26.0 ± 0.8 (5x5) §",
            "§ dataset of the published number: cifar10 (dm)",
        ),
        (
            {"method": "dm", "protocol": "dsa", "dataset": "cifar10", "source": "folder"},
            "26.0 ± 0.8 (5x5) §",
            "§ dataset of the published number: cifar10 (dm)",
        ),
        (
            {**IMAGENET, "method": "m3d", "settings": {"iterations": 1000}},
            "73.4 (?x3) ‡",
            "‡ epoch of the published number: best on test (m3d)",
        ),
        (
            {**IMAGENET, "method": "dm"},
            "52.3 (?) ‡‖",
            "‖ iterations of the published number: not known (dm)",
        ),
        (
            {"method": "dm", "protocol": "dsa", "dataset": "cifar10", "ipc": 10, "network": "densenet121"},
            "39.0 (?) †‡",
            "† protocol of the published number: not known (dm)",
        ),
    ],
    ids=[
        "protocol",
        "selection",
        "not known",
        "derived data",
        "a folder of that name",
        "no std",
        "iterations",
        "other network",
    ],
)
def test_what_is_not_alike_is_marked_and_has_no_difference(
    tmp_path: Path, changes: dict[str, Any], text: str, note: str
) -> None:
    entry = _entry(tmp_path, **changes)
    assert published_text(entry) == text
    assert pd.isna(entry["difference"])
    notes = list(explain([entry]))
    assert note in notes
    assert not any(line.startswith("difference") for line in notes)


@pytest.mark.parametrize(
    "changes",
    [
        {"label": "dm[lr=9]", "overrides": {"lr": 1}},
        {"overrides": {"iterations": 9}, "settings": {"iterations": 0}},
        {"dataset": "digits"},
        {"ipc": 2},
        {"network": "resnet10"},
        {"split": "validation"},
        {"evaluator": "other"},
        {"method": "someone-elses"},
        {"method": "idm"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_other_places_have_no_published_number(tmp_path: Path, changes: dict[str, Any]) -> None:
    entry = _entry(tmp_path, **{"method": "dm", "protocol": "dsa", **changes})
    assert set(_known(entry).values()) == {None}
    assert published_text(entry) == ""
    assert list(explain([entry])) == ["no published number belongs here"]


@pytest.mark.parametrize("network", ["resnet10", "resnet10-cifar"])
def test_both_shapes_of_resnet10_have_its_number_and_a_remark(tmp_path: Path, network: str) -> None:
    entry = _entry(tmp_path, "m3d", protocol="m3d", dataset="cifar10", ipc=10, network=network)
    assert published_text(entry) == "56.7 (?) †‡¶"
    assert "likely that of resnet10-cifar (m3d)" in list(explain([entry]))[-1]


def test_a_label_whose_settings_are_the_recommended_ones_has_the_number_of_its_method(tmp_path: Path) -> None:
    entry = _entry(tmp_path, "dm", label="dm[lr=1]", protocol="dsa")
    assert entry["published"] == 89.7
    assert entry["difference"] == pytest.approx(60.0 - 89.7)


def test_an_evaluator_with_settings_has_the_number_of_its_record(tmp_path: Path) -> None:
    entry = _entry(tmp_path, "dm", evaluator_label="accuracy[network=convnet3]", protocol="dsa")
    assert entry["published"] == 89.7


def test_a_number_that_others_reproduced_says_so_and_is_compared(tmp_path: Path) -> None:
    entry = _entry(tmp_path, "dm", (70.0,), dataset="fashion-mnist", protocol="dsa")
    assert published_text(entry) == "70.7 ± 0.6 (5x5) ¶"
    assert entry["difference"] == pytest.approx(-0.7)
    assert list(explain([entry]))[-1] == "¶ remark on the published number: reproduced by the M3D authors (dm)"


def test_best_epoch_figures_are_compared_with_no_published_number(tmp_path: Path) -> None:
    for method, protocol in (("random", "dc"), ("m3d", "m3d")):
        settings = RECOMMENDED.get(method)
        add(tmp_path, method, [60.0], best=[61.0], dataset="mnist", protocol=protocol, settings=settings)
    best = {entry["method"]: entry for entry in _entries(tmp_path) if not entry["main"]}
    assert {method: published_text(entry) for method, entry in best.items()} == {
        "random": "64.9 ± 3.5 (5x20) ‡",
        "m3d": "94.4 (±0.2) (1x10) ‡",
    }
    assert all(pd.isna(entry["difference"]) for entry in best.values())


def test_every_accuracy_of_the_paper_finds_the_cell_it_belongs_to(tmp_path: Path) -> None:
    table = pd.concat([paper_table(number) for number in (2, 3, 4)], ignore_index=True).dropna(subset="accuracy")
    table = table.drop_duplicates(["dataset", "ipc", "method", "network"])
    add(tmp_path, "dm", [0.0])
    (row,) = summarise(frame(tmp_path)).to_dict("records")
    places = table[["dataset", "ipc", "method", "network"]].to_dict("records")
    summary = pd.DataFrame([row | place | {"source": place["dataset"]} for place in places])
    assert with_published(summary)["published"].tolist() == table["accuracy"].tolist()


def test_the_summary_of_nothing_gains_the_fields(tmp_path: Path) -> None:
    table = with_published(summarise(frame(tmp_path)))
    assert table.empty
    assert set(FIELDS) <= set(table.columns)


def test_what_was_measured_stays_as_it_was_and_in_order(tmp_path: Path) -> None:
    for method in ("zeta", "random", "m3d"):
        add(tmp_path, method, [1.0, 2.0], dataset="mnist")
    summary = summarise(frame(tmp_path))
    pd.testing.assert_frame_equal(with_published(summary)[summary.columns], summary)


def test_a_table_holds_published_numbers_only_when_they_are_asked_for(tmp_path: Path) -> None:
    add(tmp_path, "random", [60.0], dataset="mnist")
    add(tmp_path, "m3d", [90.0], dataset="mnist", settings=RECOMMENDED["m3d"])
    add(
        tmp_path,
        "m3d",
        [91.0],
        dataset="mnist",
        label="m3d[factor=1]",
        settings={"factor": 1},
        overrides={"factor": 2},
    )
    summary = summarise(frame(tmp_path))
    (plain,), (table,) = grid_tables(summary), grid_tables(with_published(summary))
    assert [(number.published, number.difference) for number in plain.rows[0].numbers if number] == [("", None)] * 3
    shown = {
        label: (number.published, number.difference)
        for label, number in zip(table.columns, table.rows[0].numbers, strict=True)
        if number
    }
    assert shown == {
        "random": ("64.9 ± 3.5 (5x20)", pytest.approx(-4.9)),
        "m3d": ("94.4 (±0.2) (1x10) †‡", None),
        "m3d[factor=1]": ("", None),
    }
    assert table.notes == (
        *plain.notes,
        "published: mean ± std (sets x repeats, ? where not known), in arXiv 2312.15927",
        "difference: measured minus published, where data, protocol, network, iterations and epoch agree",
        "† protocol of the published number: m3d (m3d)",
        "‡ epoch of the published number: best on test (m3d)",
    )


@pytest.mark.parametrize("iterations", [9, 30_000])
def test_another_number_of_iterations_keeps_the_published_number_under_a_mark(tmp_path: Path, iterations: int) -> None:
    changes = {"settings": {"iterations": iterations}, "overrides": {"iterations": 20_000}}
    entry = _entry(tmp_path, "dm", protocol="dsa", label=f"dm[iterations={iterations}]", **changes)
    assert published_text(entry) == "89.7 ± 0.6 (5x5) ‖"
    assert pd.isna(entry["difference"])
    assert "‖ iterations of the published number: 20000 (dm)" in list(explain([entry]))


def test_a_mark_says_which_data_it_means_where_a_method_has_several_values(tmp_path: Path) -> None:
    places = [("mnist", 1), ("mnist", 10), ("cifar10", 10), ("imagenet10", 10)]
    for dataset, ipc in places:
        place = {"dataset": dataset, "ipc": ipc, "network": "resnetap10" if dataset == "imagenet10" else "convnet3"}
        changes = {"settings": {"iterations": 9}, "overrides": {"iterations": 100}}
        add(tmp_path, "m3d", [60.0], label="m3d[iterations=9]", **changes, **place)
    add(tmp_path, "dm", [60.0], label="dm[iterations=9]", dataset="mnist", **changes)
    assert list(explain(_entries(tmp_path)))[-1] == (
        "‖ iterations of the published number: 10000 (m3d cifar10, m3d mnist), 1000 (m3d imagenet10), 20000 (dm)"
    )


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([5, 9, 5, 9], "5 (m3d ipc 1), 9 (m3d ipc 10)"),
        ([5, 9, 5, 5], "5 (m3d mnist ipc 1, m3d svhn ipc 1, m3d svhn ipc 10), 9 (m3d mnist ipc 10)"),
        ([5, 5, 5, 5], "5 (m3d)"),
    ],
)
def test_a_mark_says_no_more_of_the_data_than_tells_values_apart(tmp_path: Path, values: list[int], said: str) -> None:
    changes = {"settings": {"iterations": 7}, "overrides": {"iterations": 8}}
    for dataset in ("mnist", "svhn"):
        for ipc in (1, 10):
            add(tmp_path, "m3d", [60.0], dataset=dataset, ipc=ipc, **changes)
    entries = sorted(_entries(tmp_path), key=lambda entry: (entry["dataset"], entry["ipc"]))
    changed = [entry | {"published_iterations": value} for entry, value in zip(entries, values, strict=True)]
    assert list(explain(changed))[-1] == f"‖ iterations of the published number: {said}"


def test_iterations_and_another_setting_changed_have_no_published_number(tmp_path: Path) -> None:
    changes = {"settings": {"iterations": 9, "lr": 3.0}, "overrides": {"iterations": 20_000, "lr": 1.0}}
    entry = _entry(tmp_path, "dm", protocol="dsa", label="dm[iterations=9,lr=3]", **changes)
    assert pd.isna(entry["published"])


@pytest.mark.parametrize(("order", "accuracy"), [(2, 52.1), (3, 53.9)])
def test_a_variant_stands_beside_the_number_that_the_paper_has_under_another_name(
    tmp_path: Path, order: int, accuracy: float
) -> None:
    changes = {"settings": {"order": order}, "overrides": {"order": 1}, "label": f"dm[order={order}]"}
    assert _entry(tmp_path, "dm", **changes, dataset="cifar10", ipc=10)["published"] == accuracy


def test_a_published_distance_is_marked_like_an_accuracy(tmp_path: Path) -> None:
    changes = {"settings": {"iterations": 2}, "overrides": {"iterations": 10_000}, "label": "m3d[iterations=2]"}
    place = {"dataset": "cifar10-jpeg", "source": "folder", "ipc": 10, "protocol": ""}
    distance = {"evaluator": "moments", "metrics": {"mean_distance": [3.0]}, "unit": "distance"}
    entry = _entry(tmp_path, "m3d", (3.0,), **changes, **place, **distance)
    assert published_text(entry) == "0.82 §‖"
    assert list(explain([entry]))[-2:] == [
        "§ dataset of the published number: cifar10 (m3d)",
        "‖ iterations of the published number: 10000 (m3d)",
    ]


def test_columns_of_one_method_are_told_apart_by_their_titles_where_nothing_else_does(tmp_path: Path) -> None:
    entry = _entry(tmp_path, "m3d", dataset="cifar10", ipc=10)
    both = [
        entry | {"label": label, "published_iterations": value} for label, value in (("m3d", 7), ("m3d[order=2]", 9))
    ]
    said = [note for note in explain(both) if note.startswith("‖")]
    assert said == ["‖ iterations of the published number: 7 (m3d), 9 (m3d[order=2])"]
