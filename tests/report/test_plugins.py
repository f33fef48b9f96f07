"""What reports take from the records of plug-ins, and that dcbench itself names none."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from support.made_reports import grid_tables
from support.made_results import add

import dcbench
from dcbench.api.distribution import NAME
from dcbench.engine.registry import Found, Registry, Source, load_registry
from dcbench.report import plugins
from dcbench.report.figures.style import looks
from dcbench.report.plugins import layout_of, name_of, published_numbers, reports
from dcbench.report.results import frame
from dcbench.report.summary import summarise

ROOT = Path(dcbench.__file__).parent
CORE = [
    *ROOT.glob("report/**/*.py"),
    ROOT / "session.py",
    *(ROOT / "cli" / f"{name}.py" for name in ("report", "show")),
]


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_text_of_the_core_is_the_name_of_a_plug_in(path: Path) -> None:
    groups = ("methods", "datasets", "evaluators", "networks", "protocols")
    own = [found for found in load_registry().found if found.source.package == NAME and found.group in groups]
    names = {found.record.name for found in own}
    assert len(names) > 20
    texts = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}
    assert names & texts == set()


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("m3d", "m3d"),
        ("m3d[factor=1]", "m3d"),
        ("m3d[network=convnet[depth=2],lr=1]", "m3d"),
        ("not a selector [", "not a selector ["),
    ],
)
def test_a_label_is_parsed_and_not_cut(label: str, name: str) -> None:
    assert name_of(label) == name


def test_a_variant_with_brackets_in_a_value_keeps_the_colour_and_the_column_of_its_method(tmp_path: Path) -> None:
    label = "m3d[network=convnet[depth=2]]"
    found = looks(["m3d", label])
    assert found[label].colour == found["m3d"].colour
    for method, title in (("m3d", label), ("zeta", "zeta"), ("dm", "dm")):
        add(tmp_path, method, [50.0], label=title)
    (table,) = grid_tables(summarise(frame(tmp_path)))
    assert table.columns == ("dm", label, "zeta")


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry of its own, with no record in it."""
    made = Registry()
    monkeypatch.setattr(plugins, "_registry", lambda: made)
    return made


def test_a_report_of_a_package_without_a_layout_is_a_grid_with_its_numbers(registry: Registry) -> None:
    record = dcbench.ReportRecord(name="survey", summary="s", published=f"{__name__}:numbers")
    registry.found.append(Found("reports", record, Source("theirs", "1", "x", "y")))
    assert list(reports()) == ["grid", "survey"]
    assert type(layout_of("survey")) is dcbench.ReportLayout


def test_a_report_that_cannot_be_loaded_says_whose_it_is(registry: Registry) -> None:
    record = dcbench.ReportRecord(name="survey", summary="s", target="no_such:Thing", published="no_such:numbers")
    registry.found.append(Found("reports", record, Source("theirs", "1", "x", "y")))
    with pytest.raises(dcbench.RequestError, match="report 'survey' of theirs cannot be loaded from no_such:Thing"):
        layout_of("survey")
    with pytest.raises(dcbench.RequestError, match="report 'survey' of theirs cannot be loaded from no_such:numbers"):
        published_numbers()
