from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

import h5py
import pytest
from support.command_line import CommandLine
from support.documentation import DOCS, blocks, inline_code, tables

import dcbench
from dcbench.api import hookspecs
from dcbench.api.distribution import own
from dcbench.cli import COMMANDS
from dcbench.engine.registry import GROUPS, Found, load_registry
from dcbench.report.plugins import layout_of, reports
from dcbench.report.published import FIELDS
from dcbench.report.render.records import RECORD

HOOKS = {name: hook for name, hook in vars(hookspecs).items() if name.startswith("dcbench_")}


def test_the_hooks_are_all_there_is() -> None:
    text = (DOCS / "reference" / "hooks.md").read_text()
    assert re.findall(r"^## `(\w+)`$", text, re.MULTILINE) == list(HOOKS)


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_is_documented_with_its_arguments(name: str) -> None:
    section = (DOCS / "reference" / "hooks.md").read_text().partition(f"## `{name}`")[2].partition("\n## ")[0]
    signature = str(inspect.signature(HOOKS[name])).replace("'", "")
    declared, example = blocks(section)
    assert declared.code == f"def {name}{signature}: ...\n"
    assert f"@dcbench.hookimpl\ndef {name}(" in example.code
    assert set(inspect.signature(HOOKS[name]).parameters) <= set(inline_code(section))


def test_help_texts_are_as_they_are(dcbench: CommandLine, generated: Mapping[str, str], tmp_path: Path) -> None:
    text = generated["reference/generated/commands.md"]
    for name in ("", *COMMANDS):
        ended = dcbench(*filter(None, [name]), "--help", cwd=tmp_path, COLUMNS="102")
        assert f"```text\n{ended.out}```" in text, name


def built_in() -> list[Found]:
    dcbench = [point.value for point in own().entry_points if point.group == "dcbench"]
    return [item for item in load_registry().found if item.source.module in dcbench]


def test_what_comes_with_dcbench_is_documented_with_every_setting(generated: Mapping[str, str]) -> None:
    registry = load_registry()
    assert {item.group for item in built_in()} == set(GROUPS)
    for item in built_in():
        page = "recipes" if item.group == "protocols" else "settings"
        heading = rf"^##+ `{re.escape(item.record.name)}(:\w+)?`$"
        _, *found = re.split(heading, generated[f"reference/generated/{page}.md"], maxsplit=1, flags=re.MULTILINE)
        assert found, item.record.name
        section = re.split(r"^##", found[-1], maxsplit=1, flags=re.MULTILINE)[0]
        assert item.record.summary[1:] in section
        if item.group != "protocols":
            target = registry.resolve(item.group, item.record.name)
            settings = getattr(target, "Settings", dcbench.Settings)  # a report has none
            rows = {row[0]: row for row in next(iter(tables(section)), [])}
            assert set(rows) == {f"`{name}`" for name in settings.model_fields}
            for name, field in settings.model_fields.items():
                assert rows[f"`{name}`"][3] == " ".join((field.description or "").split()), name


def test_every_protocol_has_its_source() -> None:
    (rows,) = tables((DOCS / "reference" / "protocols.md").read_text())
    assert {row[0] for row in rows} == {f"`{item.record.name}`" for item in built_in() if item.group == "protocols"}


def test_the_fields_of_json_are_those_of_the_reports() -> None:
    always, extra = tables((DOCS / "reference" / "json.md").read_text())
    added = [*FIELDS, *(name for report in reports() for name in layout_of(report).fields)]
    assert [row[0] for row in always] == [f"`{name}`" for name in RECORD]
    assert sorted(name for row in extra for name in inline_code(row[0])) == sorted(added)


@pytest.fixture(scope="module")
def results(dcbench: CommandLine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with a set, an evaluation and a report."""
    home = tmp_path_factory.mktemp("files")
    call = (
        "--methods",
        "m3d[iterations=0]",
        "--ipc",
        "1",
        "--seeds",
        "0",
        "--evaluators",
        "moments[draws=1]",
        "--repeats",
        "1",
    )
    ended = dcbench("run", *call, cwd=home)
    assert ended.code == 0, ended.err
    return home / "results"


def facts_of(path: Path) -> dict[str, Any]:
    with h5py.File(path) as file:
        facts: dict[str, Any] = json.loads(bytes(file.attrs["facts"]))
        return facts


def test_the_files_hold_what_is_documented(results: Path) -> None:
    text = (DOCS / "reference" / "files.md").read_text()
    known = set(inline_code(text))
    _, parts, of_sets, of_evaluations = tables(text)
    (condensed,) = results.rglob("*.condensed.h5")
    (evaluation,) = results.rglob("*.r0-0.h5")
    own = {name for row in of_sets for name in inline_code(row[0])}
    assert own == set(facts_of(condensed))
    shared = set(takewhile(lambda name: name != "runtime", facts_of(condensed)))
    shared |= {"runtime", "versions", "device", "seconds", "peak_memory_bytes", "finished"}
    assert shared | {name for row in of_evaluations for name in inline_code(row[0])} == set(facts_of(evaluation))
    with h5py.File(condensed) as file:
        assert {*file, *file["snapshots"].attrs} <= {name for row in parts for name in inline_code(row[0])}
    for path in (condensed, evaluation, *results.glob("reports/*.h5")):
        with h5py.File(path) as file:
            assert {*file.attrs, bytes(file.attrs["dcbench_kind"]).decode()} <= known
