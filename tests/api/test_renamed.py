from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import pytest

from dcbench import Evaluation, Evaluator, MethodRecord, Settings
from dcbench.api import renamed
from dcbench.report.results import frame
from dcbench.testing import contract


def module_of(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType(name)
    monkeypatch.setitem(sys.modules, name, module)
    return module


def test_an_old_name_of_a_module_gives_the_new_one_and_warns_where_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    module = module_of("a_module", monkeypatch)
    vars(module)["__getattr__"] = renamed.old_names("a_module", {"lower": "fractions.Fraction"})
    with pytest.warns(DeprecationWarning, match="a_module.lower is now fractions.Fraction; the old name goes") as seen:
        assert module.lower(1, 2) == 0.5
    assert seen[0].filename == __file__
    with pytest.raises(AttributeError, match="'a_module' has no attribute 'other'"):
        module.other  # noqa: B018


def test_a_module_whose_file_is_gone_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    package = module_of("a_package", monkeypatch)
    monkeypatch.setitem(sys.modules, "a_package.gone", package)  # restored at the end, as the module itself is
    renamed.moved_module("a_package.gone", {"Fraction": "fractions.Fraction"})
    gone = import_module("a_package.gone")
    assert package.gone is gone
    assert gone.__doc__ == "Moved; see fractions."
    with pytest.warns(DeprecationWarning, match="a_package.gone.Fraction is now fractions.Fraction"):
        assert gone.Fraction(1, 2) == 0.5
    assert not hasattr(gone, "__path__")


def test_an_old_method_calls_the_new_one_on_instances_and_on_the_class() -> None:
    class Thing:
        def double(self, number: int) -> int:
            return 2 * number

        @staticmethod
        def triple(number: int) -> int:
            return 3 * number

        twice = renamed.RenamedMethod("double")
        thrice = renamed.RenamedMethod("triple")

    with pytest.warns(DeprecationWarning, match="Thing.twice is now Thing.double"):
        assert Thing().twice(2) == 4
    with pytest.warns(DeprecationWarning, match="Thing.thrice is now Thing.triple"):
        assert Thing.thrice(2) == 6


def test_arguments_and_attributes_of_plug_ins_have_their_old_names_for_now(tmp_path: Path) -> None:
    with pytest.warns(DeprecationWarning, match=r"^MethodRecord\(exempt=\) is now MethodRecord\(budget_exempt=\); "):
        record = MethodRecord(name="a", summary="b", target="c:D", exempt=True)  # type: ignore[call-arg]
    assert record == MethodRecord(name="a", summary="b", target="c:D", budget_exempt=True)
    with pytest.warns(DeprecationWarning, match=r"Evaluation\(figures=\) is now Evaluation\(metrics=\)"):
        evaluation = Evaluation(figures={"n": (1.0,)})  # type: ignore[call-arg]
    with pytest.warns(DeprecationWarning, match=r"Evaluation\.figures is now Evaluation\.metrics"):
        assert evaluation.figures == evaluation.metrics == {"n": (1.0,)}
    with pytest.warns(DeprecationWarning, match=r"Old\.(figure|kind) is now .*Old\.(metric|unit)") as caught:

        class Old(Evaluator):
            figure = "n"
            kind = "distance"

    assert (Old.metric, Old.unit, len(caught)) == ("n", "distance", 2)
    assert str(caught[0].message).startswith(f"{__name__}."), "the warning names the class to change"
    with pytest.warns(DeprecationWarning, match=r"Settings\.later is now .*Settings\.added_later"):

        class OldSettings(Settings):
            later: ClassVar = frozenset({"x"})
            x: int = 1

    assert OldSettings().digest_form() == {}
    with pytest.warns(DeprecationWarning, match="the column 'figure' is now 'metric'"):
        assert frame(tmp_path)["figure"].empty
    with pytest.warns(DeprecationWarning, match="the check finite-figures is now finite-metrics"):
        assert len(contract("evaluator", "moments", without=["finite-figures"])) > 3
