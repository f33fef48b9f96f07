"""One bad file of a store is left out with one warning; report, show and the page go on with the others."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from support.command_line import CommandLine
from support.made_results import add, add_failure
from support.made_sets import add_set

from dcbench.engine.store.guards import CorruptFileError
from dcbench.engine.store.sets import read_condensed, write_condensed
from dcbench.engine.store.store import Store

COMMANDS = (("report",), ("report", "--format", "html"), ("show",))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A store with the sets and the evaluations of two methods."""
    for method, value in (("dm", 90.0), ("m3d", 80.0)):
        add_set(tmp_path / "r", method)
        add(tmp_path / "r", method, [value, value + 1])
    return tmp_path / "r"


def check_left_out(dcbench: CommandLine, results: Path, bad: Path, reason: str, commands: Any = COMMANDS) -> None:
    for command in commands:
        ended = dcbench(*command, "--results", "r", cwd=results.parent)
        assert ended.code == 0, ended.err
        named = [line for line in ended.err.splitlines() if bad.name in line]
        assert named == ended.err.splitlines(), ended.err
        assert len(named) == 1, ended.err
        assert named[0].startswith(f"warning: {bad.relative_to(results.parent)} ")
        assert reason in named[0]
        assert named[0].endswith("; left out")
        assert "90.5" in ended.out or command[0] == "show"


def test_another_letter_in_a_record_of_a_failure_is_damage(dcbench: CommandLine, results: Path) -> None:
    bad = add_failure(results, "idm")
    bad.write_text(bad.read_text().replace("it broke", "it brake"))
    check_left_out(dcbench, results, bad, "is damaged: it fails its checksum")


FAILURES: dict[str, tuple[bytes | Callable[[dict[str, Any]], Any], str]] = {
    "flipped byte": (b'{"error": "ValueError\xff", "message": "it broke"}', "is damaged: 'utf-8' codec can't decode"),
    "list": (b"[]", "is damaged: 'facts' is not what it should be"),
    "null": (b"null", "is damaged: 'facts' is not what it should be"),
    "empty": (b"", "is damaged: Expecting value"),
    "deep": (b"[" * 200_000, "is damaged: it is nested too deeply"),
    "long number": (b'{"error": ' + b"9" * 5000 + b"}", "is damaged: Exceeds the limit"),
    "no error": (lambda facts: facts.pop("error"), "is damaged: 'error' is not what it should be: Field required"),
    "error is a list": (lambda facts: facts.update(error=[]), "is damaged: 'error' is not"),
    "message is a number": (lambda facts: facts.update(message=3), "is damaged: 'message' is not"),
    "label is a dict": (lambda facts: facts.update(label={}), "is damaged: 'label' is not"),
    "seconds is a text": (lambda facts: facts.update(seconds="1"), "is damaged: 'seconds' is not"),
    "repeats without end": (lambda facts: facts.update(repeats="0-99999999999"), "is damaged: 'repeats' is not"),
    "repeats are not a range": (lambda facts: facts.update(repeats="many"), "is damaged: 'repeats' is not"),
    "of another cell": (lambda facts: facts.update(digest="0" * 64), "it holds what belongs into s0-000000000000."),
}


@pytest.mark.parametrize("damage", FAILURES)
def test_a_bad_record_of_a_failure(dcbench: CommandLine, results: Path, damage: str) -> None:
    bad, (change, reason) = add_failure(results, "idm"), FAILURES[damage]
    if isinstance(change, bytes):
        bad.write_bytes(change)
    else:
        facts = json.loads(bad.read_text())
        del facts["sha256"]
        change(facts)
        bad.write_text(json.dumps(facts))
    check_left_out(dcbench, results, bad, reason)


def without(*names: str) -> Callable[[dict[str, Any]], Any]:
    def change(facts: dict[str, Any]) -> None:
        *path, last = names
        for name in path:
            facts = facts[name]
        del facts[last]

    return change


def with_(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda facts: facts.update(changes)


EVALUATIONS = {
    "no cell": (without("cell"), "'cell' is not what it should be: Field required"),
    "no data": (without("cell", "dataset"), "'cell.dataset' is not"),
    "no choice": (without("cell", "method", "choice"), "'cell.method.choice' is not"),
    "no figure": (without("figure"), "'figure' is not"),
    "no first repeat": (without("first_repeat"), "'first_repeat' is not"),
    "cell is a list": (with_(cell=[]), "'cell' is not"),
    "figure is null": (with_(figure=None), "'figure' is not"),
    "first repeat is a text": (with_(first_repeat="0"), "'first_repeat' is not"),
    "first repeat is below 0": (with_(first_repeat=-1), "'first_repeat' is not"),
    "IPC is a list": (with_(ipc=[1]), "'ipc' is not"),
    "label is a list": (with_(label=["m3d"]), "'label' is not"),
    "seconds are no number": (with_(seconds=float("nan")), "'seconds' is not"),
    "finished is a number": (with_(finished=3), "'finished' is not"),
    "other repeats": (with_(first_repeat=8), ".r8-9.h5; give it that name, or remove it"),
    "other cell": (with_(digest="0" * 64), "it holds what belongs into s0-000000000000."),
    "other trial": (with_(key="0" * 64), "accuracy-000000000000.r0-1.h5"),
    "no object": (lambda facts: [], "'facts' is not a JSON object"),
}


def change_facts(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    with h5py.File(path, "r+") as file:
        facts = json.loads(file.attrs["facts"])
        other = change(facts)
        file.attrs["facts"] = np.bytes_(json.dumps([] if other == [] else facts).encode())


@pytest.mark.parametrize("damage", EVALUATIONS)
def test_a_bad_evaluation(dcbench: CommandLine, results: Path, damage: str) -> None:
    bad, (change, reason) = add(results, "idm", [70.0, 71.0]), EVALUATIONS[damage]
    change_facts(bad, change)
    check_left_out(dcbench, results, bad, reason)


SETS = {
    "no cell": without("cell"),
    "no label": without("label"),
    "versions is a list": with_(versions=[]),
    "origin is a text": with_(origin="here"),
    "other cell": with_(digest="0" * 64),
    "a part": with_(classes="0-1"),
}


@pytest.mark.parametrize("damage", SETS)
def test_a_bad_set(dcbench: CommandLine, results: Path, damage: str) -> None:
    bad = add_set(results, "idm")
    change_facts(bad, SETS[damage])
    check_left_out(dcbench, results, bad, "is damaged: ", COMMANDS[1:])


def test_a_set_whose_images_have_no_shape_of_images_costs_its_picture_alone(
    dcbench: CommandLine, results: Path
) -> None:
    bad = Store(results).all_condensed()[0]
    with h5py.File(bad, "r+") as file:
        del file["images"]
        file["images"] = np.zeros(3, "f4")
    check_left_out(dcbench, results, bad, "is damaged: 'images' has shape (3,)", COMMANDS[1:2])


def test_two_sets_that_were_swapped_are_both_left_out(dcbench: CommandLine, results: Path) -> None:
    one, other = Store(results).all_condensed()
    aside = one.rename(one.with_suffix(".aside"))
    other.rename(one)
    aside.rename(other)
    ended = dcbench("show", "--results", "r", cwd=results.parent)
    assert ended.code == 0
    assert ended.err.count("it holds what belongs into ") == 2
    ended = dcbench("show", one.name.partition(".")[0], "--results", "r", cwd=results.parent)
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert f"{one.name} is damaged: it holds what belongs into {other.name}; give it that name" in ended.err


@pytest.mark.parametrize("named", ["classes1.part.h5", "classes0-1.part.h5", "condensed.h5"])
def test_a_part_under_the_name_of_other_classes_is_refused(dcbench: CommandLine, results: Path, named: str) -> None:
    whole = Store(results).all_condensed()[0]
    record = read_condensed(whole)
    stem = whole.name.partition(".")[0]
    part, bad = (whole.with_name(f"{stem}.{name}") for name in ("classes0.part.h5", named))
    write_condensed(part, replace(record, facts=record.facts | {"classes": "0"}))
    assert read_condensed(part).facts["classes"] == "0"
    part.replace(bad)
    with pytest.raises(CorruptFileError) as raised:
        read_condensed(bad)
    reason = f"it holds what belongs into {part.name}; give it that name, or remove it"
    assert str(raised.value) == f"{bad} is damaged: {reason}"
    if named == "condensed.h5":
        check_left_out(dcbench, results, bad, reason, COMMANDS[2:])


def test_one_value_under_the_name_of_ten_is_not_ten_repeats(dcbench: CommandLine, results: Path) -> None:
    bad = add(results, "idm", [70.0])
    bad = bad.rename(bad.with_name(bad.name.replace(".r0-0.", ".r0-9.")))
    check_left_out(dcbench, results, bad, "it holds what belongs into ")


def test_an_evaluation_under_the_stem_of_another_cell_is_not_counted_there(dcbench: CommandLine, results: Path) -> None:
    bad = add(results, "idm", [70.0, 71.0])
    stem = Store(results).all_condensed()[0]
    moved = stem.with_name(f"{stem.name.partition('.')[0]}.{bad.name.partition('.')[2]}")
    bad.rename(moved)
    check_left_out(dcbench, results, moved, f"it holds what belongs into {bad.name}", COMMANDS[:2])


@pytest.mark.parametrize("damage", ["text", "number", "name", "columns"])
def test_a_bad_stored_report(dcbench: CommandLine, results: Path, damage: str) -> None:
    for name in ("mine", "yours"):
        assert dcbench("report", "--store", name, "--results", "r", cwd=results.parent).code == 0
    bad = Store(results).report("mine")
    if damage == "name":
        Store(results).report("yours").replace(bad)
    elif damage == "text":
        whole = bad.read_bytes()
        assert whole.count(b"90.5") == 1
        bad.write_bytes(whole.replace(b"90.5", b"99.5"))
    else:
        with h5py.File(bad, "r+") as file:
            del file["columns"]["mean"]
            if damage == "number":
                file["columns"]["mean"] = ["a", "b"]
    reason = {"name": "it holds the report 'yours'; give it that name", "text": "the texts 'text' do not have their"}
    ended = dcbench("report", "--stored", "--results", "r", cwd=results.parent)
    assert ended.code == 0
    assert ended.err.startswith("warning: r/reports/mine.h5 is damaged: " + reason.get(damage, ""))
    assert ended.err.endswith("; left out\n")
    assert ended.err.count("\n") == 1
    assert ("yours" in ended.out) == (damage != "name")


def test_a_report_of_a_version_without_checksums_is_read(dcbench: CommandLine, results: Path) -> None:
    assert dcbench("report", "--store", "mine", "--results", "r", cwd=results.parent).code == 0
    with h5py.File(Store(results).report("mine"), "r+") as file:
        file.visititems(lambda _, found: found.attrs.pop("sha256", None) and None)
        facts = json.loads(file.attrs["facts"])
        del facts["name"]
        file.attrs["facts"] = np.bytes_(json.dumps(facts).encode())
    ended = dcbench("report", "--stored", "mine", "--results", "r", cwd=results.parent)
    assert (ended.code, ended.err) == (0, "")
    assert "90.5" in ended.out
