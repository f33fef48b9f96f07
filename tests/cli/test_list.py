from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from dcbench.cli import cli

if TYPE_CHECKING:
    from pathlib import Path

    from support.command_line import CommandLine


def test_a_list_shows_every_kind_and_where_third_party_plug_ins_come_from(dcbench: CommandLine, tmp_path: Path) -> None:
    ended = dcbench("list", cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    for line in (
        r"methods",
        r"  m3d +minimised maximum mean discrepancy .*\w",
        r"  toy-first +the first images of each class  \(dcbench-toys\)",
        r"datasets",
        r"  folder:PATH +image files .*",
        r"evaluators",
        r"  accuracy +.*\w",
        r"networks",
        r"  convnet3 +.*\w",
        r"protocols",
        r"  short +.*\w",
        r"reports",
        r"  grid +.*\w",
        r"  table3 +.*\w",
    ):
        assert re.search(f"^{line}$", ended.out, re.MULTILINE), line


def test_a_list_of_one_kind_shows_no_other(dcbench: CommandLine, tmp_path: Path) -> None:
    out = dcbench("list", "evaluators", cwd=tmp_path).out
    assert out.splitlines()[0] == "evaluators"
    assert "m3d" not in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("method m3d", "there is no group 'method'; did you mean 'dcbench list methods m3d'?"),
        ("Methods", "there is no group 'Methods'; did you mean 'dcbench list methods'?"),
        ("m3d", "'m3d' is one of the methods; did you mean 'dcbench list methods m3d'?"),
        ("folder:x[size=8]", "'folder' is one of the datasets; did you mean 'dcbench list datasets folder'?"),
        (
            "nothing",
            "there is no group 'nothing'; there are methods, datasets, evaluators, networks, protocols, reports",
        ),
    ],
)
def test_a_kind_that_is_none_leads_to_what_was_meant(
    dcbench: CommandLine, tmp_path: Path, words: str, message: str
) -> None:
    ended = dcbench("list", *words.split(), cwd=tmp_path)
    assert (ended.code, ended.out, ended.err) == (2, "", f"dcbench: list: {message}\n")


def _settings(out: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z_]+)  +(\S+)", out, re.MULTILINE))


def test_a_method_is_shown_with_its_settings_as_they_are_for_a_dataset(dcbench: CommandLine, tmp_path: Path) -> None:
    plain = dcbench("list", "methods", "m3d", cwd=tmp_path)
    digits = dcbench("list", "methods", "m3d", "--dataset", "digits", "--ipc", "1", cwd=tmp_path)
    assert (plain.code, digits.code) == (0, 0)
    assert "AAAI 2024" in plain.out
    assert _settings(plain.out)["iterations"] != _settings(digits.out)["iterations"]
    assert "matching steps" in digits.out


def _row(out: str, setting: str) -> list[str]:
    """Return the cells of the first line of *setting*."""
    (line,) = re.findall(rf"^{setting} .*$", out, re.MULTILINE)
    return re.split(r"  +", line)


def test_recommended_settings_are_shown_with_their_defaults_and_origins(dcbench: CommandLine, tmp_path: Path) -> None:
    out = dcbench("list", "methods", "m3d", "--dataset", "cifar10", "--ipc", "10", cwd=tmp_path).out
    assert _row(out, "setting") == ["setting", "value", "default", "meaning", "origin"]
    assert _row(out, "iterations")[1:3] == ["10000", "10000"]
    assert _row(out, "iterations")[-1].startswith("published: ")
    assert _row(out, "lr")[1:3] == ["10.0", "1.0"]
    assert _row(out, "lr")[-1].startswith("inferred: ")
    elsewhere = dcbench("list", "methods", "m3d", "--dataset", "cifar10", "--ipc", "7", cwd=tmp_path).out
    assert _row(elsewhere, "iterations")[-1].startswith("extrapolated: ")


def test_settings_without_a_named_origin_are_those_of_their_package(dcbench: CommandLine, tmp_path: Path) -> None:
    out = dcbench("list", "methods", "toy-sourced", "--dataset", "digits", "--ipc", "3", cwd=tmp_path).out
    published = "published: its paper, for digits at IPC 3"
    assert _row(out, "steps") == ["steps", "60", "10", "as in the paper", published]
    assert _row(out, "rate") == ["rate", "0.5", "0.1", "chosen by dcbench-toys"]
    assert _row(out, "width") == ["width", "3", "3", "default of dcbench-toys"]


def test_a_network_is_shown_with_what_its_name_stands_for(dcbench: CommandLine, tmp_path: Path) -> None:
    assert _settings(dcbench("list", "networks", "convnet5", cwd=tmp_path).out)["depth"] == "5"


def test_a_plug_in_without_settings_says_so(dcbench: CommandLine, tmp_path: Path) -> None:
    assert dcbench("list", "methods", "toy-first", cwd=tmp_path).out.splitlines()[-1] == "no settings"


def test_a_protocol_is_shown_as_its_recipe_for_a_dataset(dcbench: CommandLine, tmp_path: Path) -> None:
    recipe = _settings(dcbench("list", "protocols", "dc", "--dataset", "cifar10", cwd=tmp_path).out)
    assert recipe["epochs"] == "301"


def test_a_protocol_needs_a_dataset(dcbench: CommandLine, tmp_path: Path) -> None:
    ended = dcbench("list", "protocols", "dc", cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "dcbench: a protocol's recipe depends on the dataset: add --dataset, such as --dataset mnist --ipc 10\n"
    )


def test_recipes_for_subsets_of_imagenet_are_shown_before_the_data_is_there(
    dcbench: CommandLine, tmp_path: Path
) -> None:
    for dataset in ("imagenet10", "imagenet100", "imagenette"):
        ended = dcbench("list", "methods", "m3d", "--dataset", dataset, "--ipc", "10", "--data", tmp_path, cwd=tmp_path)
        assert (ended.code, ended.err) == (0, f"{dataset} is not in the data folder; shown as for the whole of it\n")
        assert [_row(ended.out, name)[1] for name in ("iterations", "lr", "factor", "network")] == [
            "1000",
            "0.1",
            "3",
            "resnetap10",
        ]
    ended = dcbench("run", "--datasets", "imagenet10", "--data", tmp_path, "--dry-run", cwd=tmp_path)
    assert ended.code == 2
    assert "imagenet/train/<wnid>/*" in ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("methods", "m3d", "--ipc", "50"), "--ipc says something only of a dataset: add --dataset"),
        (("methods", "m3d", "--factor", "3"), "--factor says something only of a dataset: add --dataset"),
        (("protocols", "IDC", "--dataset", "digits"), "no protocol is called 'IDC'; did you mean 'idc'?"),
        (("methods", "m3"), "no method is called 'm3'; did you mean 'm3d'?"),
        (("methods", "m3d", "--dataset", "minst"), "no dataset is called 'minst'; did you mean 'mnist'?"),
        (("methods", "m3d", "--ipc", "0"), "list: Invalid value for '--ipc'"),
    ],
)
def test_a_mistake_is_one_line(dcbench: CommandLine, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    ended = dcbench("list", *arguments, cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"dcbench: {said}")
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("width", [60, 80, 120])
def test_settings_fit_into_the_terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setattr("dcbench.cli.list.terminal_width", lambda: width)
    shown = CliRunner().invoke(cli, ["list", "methods", "m3d", "--dataset", "digits"], catch_exceptions=False)
    about, table = shown.output.split("setting ", 1)
    assert "minimised maximum mean discrepancy" in about
    assert max(map(len, table.splitlines())) <= width
    assert "iterations" in table


def test_values_are_shown_as_they_are(dcbench: CommandLine, tmp_path: Path) -> None:
    shown = dcbench("list", "protocols", "m3d", "--dataset", "digits", cwd=tmp_path).out
    assert re.search(r"^reset_momentum +False ", shown, re.MULTILINE)
