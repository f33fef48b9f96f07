from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from dcbench import RequestError, Settings
from dcbench.engine.factories import change_settings
from dcbench.engine.identity import Arithmetic
from dcbench.engine.plan.planner import PlannedCell, Planner
from dcbench.engine.plan.request import make_request
from dcbench.engine.registry import Registry, load_registry


@pytest.fixture(scope="module")
def registry(toys: Path) -> Registry:
    return load_registry()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def plan(registry: Registry, data: Path) -> Any:
    """Plan a request whose parts are toys unless they are named."""

    def planned(**options: Any) -> list[PlannedCell]:
        toys = {"methods": "toy-first", "datasets": "toy", "evaluators": "count", "ipc": "1"}
        return Planner(make_request(data=data, **{**toys, **options}), registry).cells()

    return planned


NO_NAMES = [
    (".", "it begins with a dot"),
    ("..", "it begins with a dot"),
    (".hidden", "it begins with a dot"),
    ("../../tmp", "it begins with a dot"),
    ("artifacts", "a results folder keeps something else"),
    ("Reports", "a results folder keeps something else"),
    ("shipped", "a results folder keeps something else"),
    ("index.h5", "it ends in .h5"),
    ("INDEX.H5", "it ends in .h5"),
    (" ", "it is empty"),
    ("x" * 201, "it has more than 200 bytes"),
]


class Knobs(Settings):
    lr: float = Field(1.0, gt=0, le=10)
    free: float = 1.0
    factor: int = 2


def test_a_misspelt_setting_is_answered_with_what_was_meant_and_the_list() -> None:
    with pytest.raises(RequestError) as caught:
        change_settings(Knobs(), {"factr": "2"}, "m3d")
    assert str(caught.value) == "m3d has no setting 'factr'; did you mean 'factor'? There are: lr, free, factor."


def test_a_setting_of_a_plug_in_without_any_is_refused() -> None:
    with pytest.raises(RequestError, match="There are: none"):
        change_settings(Settings(), {"lr": "2"}, "random")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lr": "11"}, "m3d.lr=11: should be less than or equal to 10"),
        ({"lr": "fast"}, "m3d.lr=fast: should be a valid number"),
        ({"free": "inf"}, "m3d.free=inf: should be a finite number"),
        ({"factor": "1.5"}, "m3d.factor=1.5: should be a valid integer"),
    ],
)
def test_a_value_that_is_not_allowed_is_answered_with_what_is(changes: dict[str, str], message: str) -> None:
    with pytest.raises(RequestError) as caught:
        change_settings(Knobs(), changes, "m3d")
    assert str(caught.value).startswith(message)


def test_a_cell_keeps_the_argument_that_the_dataset_has_made_of_the_one_that_was_typed(
    plan: Any, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = registry.resolve("datasets", "toy")
    init = toy.__init__
    monkeypatch.setattr(toy, "__init__", lambda self, root, argument, settings: init(self, root, "/abs", settings))
    (planned,) = plan()
    assert planned.cell.dataset.argument == "/abs"


def test_the_grid_is_the_product_in_the_order_that_was_asked_for(plan: Any) -> None:
    cells = [planned.cell for planned in plan(methods="toy-slow,toy-first", ipc="2,1", seeds="0,1")]
    assert [(cell.ipc, cell.method.label, cell.replicate) for cell in cells] == [
        (ipc, method, seed) for ipc in (2, 1) for method in ("toy-slow", "toy-first") for seed in (0, 1)
    ]
    assert len({cell.digest for cell in cells}) == 8


def test_the_order_of_a_request_changes_no_name(plan: Any) -> None:
    one, other = plan(methods="toy-slow,toy-first", ipc="2,1"), plan(methods="toy-first,toy-slow", ipc="1,2")
    assert {planned.cell.digest for planned in one} == {planned.cell.digest for planned in other}
    assert {planned.trials[0].trial.key for planned in one} == {planned.trials[0].trial.key for planned in other}


def test_a_variant_is_a_column_of_its_own(plan: Any) -> None:
    cells = [planned.cell for planned in plan(methods="toy-slow,toy-slow[iterations=3]")]
    assert [cell.method.label for cell in cells] == ["toy-slow", "toy-slow[iterations=3]"]
    assert [cell.method.settings["iterations"] for cell in cells] == [20, 3]
    assert cells[0].digest != cells[1].digest


def test_an_override_reaches_every_mention_but_stands_below_what_is_in_brackets(plan: Any) -> None:
    cells = plan(methods="toy-slow,toy-slow[iterations=3]", set=["toy-slow.pause=0", "toy-slow.iterations=5"])
    assert [planned.cell.method.settings for planned in cells] == [
        {"iterations": 5, "pause": 0.0},
        {"iterations": 3, "pause": 0.0},
    ]


def test_datasets_and_evaluators_take_settings_too(plan: Any) -> None:
    (planned,) = plan(datasets="toy[classes=2]", set=["count.scale=3"])
    assert planned.cell.dataset.settings["classes"] == 2
    assert planned.trials[0].trial.evaluator.settings == {"scale": 3.0}


def test_what_a_method_sees_of_a_dataset_beside_its_pixels_is_in_the_name(
    plan: Any, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = registry.resolve("datasets", "toy")
    info = toy.info
    (before,) = plan()
    for changes in ({"mirror_ok": True}, {"mean": (0.4,)}, {"std": (0.2,)}):
        monkeypatch.setattr(toy, "info", lambda self, changes=changes: replace(info(self), **changes))
        (after,) = plan()
        assert after.cell.dataset.train == before.cell.dataset.train
        assert after.cell.digest != before.cell.digest, changes


def test_a_network_has_one_name_however_its_settings_are_written(plan: Any) -> None:
    texts = ("convnet[depth=1,width=8]", "convnet[width=8, depth=1]")
    methods, trials = (
        [plan(methods=f"herding[network={text}]")[0].cell for text in texts],
        [plan(evaluators=f"moments[network={text}]")[0].trials[0].trial for text in texts],
    )
    assert len({cell.digest for cell in methods}) == len({trial.key for trial in trials}) == 1
    assert {cell.method.settings["network"] for cell in methods} == {texts[0]}
    assert {trial.evaluator.settings["network"] for trial in trials} == {texts[0]}


def test_a_changed_network_renames_what_was_made_with_it(
    plan: Any, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"methods": "herding,random", "evaluators": "moments", "networks": "convnet[depth=1]"}
    options |= {"set": ["herding.network=convnet[depth=1]"]}
    before = plan(**options)
    monkeypatch.setattr(registry.resolve("networks", "convnet"), "revision", 2)
    after = plan(**options)
    renamed = [one.cell.digest != other.cell.digest for one, other in zip(before, after, strict=True)]
    assert renamed == [True, False], "random has no network"
    assert before[1].trials[0].trial.key != after[1].trials[0].trial.key
    assert before[1].trials[0].trial.variant != after[1].trials[0].trial.variant


def test_what_is_asked_for_twice_is_planned_once(plan: Any) -> None:
    cells = plan(methods="toy-slow[iterations=2],toy-slow", set=["toy-slow.iterations=2"])
    assert [planned.cell.method.label for planned in cells] == ["toy-slow[iterations=2]"]
    (planned,) = plan(
        evaluators="accuracy", protocol="dc,dc", networks="convnet[depth=1,width=8],convnet[width=8,depth=1]"
    )
    assert len(planned.trials) == 1


def test_an_evaluator_with_a_protocol_of_its_own_keeps_it_beside_one_that_takes_the_general_one(plan: Any) -> None:
    (planned,) = plan(evaluators="accuracy,accuracy[protocol=short]", protocol="dc", networks="convnet[depth=1]")
    assert [trial.trial.evaluator.settings["protocol"] for trial in planned.trials] == ["dc", "short"]
    (planned,) = plan(evaluators="accuracy[protocol=short]", protocol="short", networks="convnet[depth=1]")
    assert [trial.trial.evaluator.settings["protocol"] for trial in planned.trials] == ["short"]


def test_two_labels_may_mean_the_same_cell(plan: Any) -> None:
    cells = [planned.cell for planned in plan(methods="toy-slow,toy-slow[iterations=20]")]
    assert [cell.method.label for cell in cells] == ["toy-slow", "toy-slow[iterations=20]"]
    assert cells[0].digest == cells[1].digest


def test_the_plan_says_which_settings_are_not_the_recommended_ones(plan: Any) -> None:
    methods = ("toy-slow", "toy-slow[iterations=20]", "toy-slow[iterations=3]")
    cells = [planned.cell for planned in plan(methods=",".join(methods))]
    assert [cell.method.overrides for cell in cells] == [{}, {}, {"iterations": 20}]
    assert plan(methods="toy-slow", set=["toy-slow.iterations=3"])[0].cell.method.overrides


def test_evaluators_say_how_often_and_repeats_goes_first(plan: Any) -> None:
    assert plan()[0].trials[0].repeats == 1
    assert plan(repeats=4)[0].trials[0].repeats == 4


def test_the_protocol_says_how_often_and_is_expanded_by_the_dataset(plan: Any) -> None:
    (planned,) = plan(evaluators="accuracy", protocol="dc", networks="convnet[depth=2],convnet[depth=1]")
    assert [trial.trial.evaluator.settings["network"] for trial in planned.trials] == [
        "convnet[depth=2]",
        "convnet[depth=1]",
    ]
    for trial in planned.trials:
        assert trial.trial.evaluator.recipe is not None
        assert trial.repeats == trial.trial.evaluator.recipe["repeats"]
        assert trial.trial.evaluator.recipe["mean"] == [0.5]


def test_a_protocol_may_treat_a_network_apart(plan: Any) -> None:
    (planned,) = plan(evaluators="accuracy", protocol="dc", networks="convnet[depth=1],convnet[norm=batch,depth=1]")
    one, other = (trial.trial.evaluator.recipe for trial in planned.trials)
    assert (one["epochs"], one["augmentation"], one["strategy"]) == (301, "none", "")
    assert (other["epochs"], other["augmentation"], other["strategy"]) == (1001, "dc-spline", "crop_noise")


def test_a_dataset_may_name_the_network_that_is_taken_where_none_is_named(
    plan: Any, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def networks(**options: Any) -> list[str]:
        (planned,) = plan(**options)
        return [trial.trial.evaluator.settings["network"] for trial in planned.trials]

    toy = registry.resolve("datasets", "toy")
    described = toy.info
    monkeypatch.setattr(toy, "info", lambda self: replace(described(self), default_network="convnet[depth=1]"))
    assert networks(evaluators="accuracy,moments") == ["convnet[depth=1]", "convnet[depth=1]"]
    assert networks(evaluators="accuracy", networks="convnet[depth=2]") == ["convnet[depth=2]"]
    assert networks(evaluators="accuracy[network=convnet[depth=2]]") == ["convnet[depth=2]"]
    assert plan(evaluators="count"), "an evaluator without networks"


def test_a_dataset_may_say_how_many_sets_a_number_has_where_no_seeds_are_named(
    plan: Any, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seeds(**options: Any) -> list[int]:
        return [planned.cell.replicate for planned in plan(**options)]

    assert seeds() == [0]
    toy = registry.resolve("datasets", "toy")
    described = toy.info
    monkeypatch.setattr(toy, "info", lambda self: replace(described(self), default_replicates=3))
    assert seeds() == [0, 1, 2]
    assert seeds(seeds="4") == [4]
    assert seeds(seeds="0-4") == [0, 1, 2, 3, 4]
    assert seeds(smoke=True) == [0], "a try needs one"


def test_a_single_class_is_refused(plan: Any, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    toy = registry.resolve("datasets", "toy")
    described = toy.info
    one = {"class_names": ("bird",), "train_counts": (20,), "test_counts": (4,)}
    monkeypatch.setattr(toy, "info", lambda self: replace(described(self), **one))
    with pytest.raises(RequestError, match="toy has a single class, bird: there is nothing to tell apart"):
        plan()


def test_snapshots_are_planned_by_name_where_a_method_keeps_some(plan: Any) -> None:
    slow, first = plan(methods="toy-slow,toy-first", snapshots=True, repeats=2)
    assert [(planned.trial.step, planned.repeats) for planned in slow.trials] == [(None, 2), (0, 2)]
    assert [planned.trial.step for planned in first.trials] == [None]
    assert [planned.trial.step for planned in plan(methods="toy-slow")[0].trials] == [None]


def test_a_part_has_the_names_of_the_whole(plan: Any) -> None:
    (part,), (whole,) = plan(methods="toy-slow", classes="1-2"), plan(methods="toy-slow")
    assert (part.cell, part.trials) == (whole.cell, whole.trials)
    assert (part.classes, part.part) == (range(3), range(1, 3))
    assert (whole.classes, whole.part) == (range(3), None)


def test_smoke_means_one_step_one_epoch_one_network(plan: Any) -> None:
    (planned,) = plan(methods="toy-slow", evaluators="accuracy", networks="convnet[depth=1]", smoke=True)
    (trial,) = planned.trials
    assert planned.cell.method.settings["iterations"] == 1
    assert (trial.repeats, trial.trial.evaluator.recipe["epochs"]) == (1, 1)


def test_the_validation_split_is_another_cell_with_fewer_images(plan: Any) -> None:
    (test,), (validation,) = plan(ipc="18"), plan(ipc="18", split="validation")
    assert test.cell.digest != validation.cell.digest
    plan(ipc="20")
    with pytest.raises(RequestError, match="more than the 18 training images"):
        plan(ipc="19", split="validation")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ipc": "21"}, "--ipc 21 is more than the 20 training images of the smallest class of toy"),
        ({"methods": "toy-frist"}, "no method is called 'toy-frist'; did you mean 'toy-first'"),
        ({"datasets": "toi"}, "no dataset is called 'toi'; did you mean 'toy'"),
        ({"evaluators": "counts"}, "no evaluator is called 'counts'; did you mean 'count'"),
        ({"evaluators": "accuracy", "protocol": "cd"}, "no protocol is called 'cd'; did you mean"),
        ({"evaluators": "accuracy", "networks": "convnet33"}, "no network is called 'convnet33'; did you mean"),
        ({"evaluators": "accuracy", "networks": "convnet[deep=3]"}, "convnet has no setting 'deep'"),
        ({"methods": "toy-slow[iteration=3]"}, "toy-slow has no setting 'iteration'; did you mean 'iterations'"),
        ({"methods": "toy-slow[iterations=-1]"}, "toy-slow.iterations=-1: should be greater than or equal to 0"),
        (
            {"methods": f"imported[name=x,factor={10**30}]"},
            f"factor {10**30}; an image of 8 px has 1 to 8 tiles per side",
        ),
        ({"methods": "toy-bad[how=sing]"}, "toy-bad.how=sing: should be 'over-budget', 'whole'"),
        ({"methods": "toy-bad[how=refuse]"}, "toy-bad.how=refuse: refused while planning"),
        ({"datasets": "toy[classes=1]"}, "toy.classes=1: should be greater than or equal to 2"),
        ({"datasets": "toy:PATH"}, "dataset 'toy:PATH': write toy"),
        ({"datasets": "folder"}, "dataset 'folder': write folder:PATH"),
        ({"datasets": "toy,toy[classes=2]"}, "two datasets are called 'toy'"),
        ({"datasets": "toy,toy[name=TOY]"}, "'toy' and 'TOY' share a folder"),
        ({"datasets": ["toy[name=a b]", "toy[name=a/b]"]}, "'a b' and 'a/b' share a folder"),
        *(({"datasets": [f"toy[name={name}]"]}, f"is not a name for a dataset: {reason}") for name, reason in NO_NAMES),
        ({"classes": "0"}, "toy-first cannot be condensed in parts; run it without --classes"),
        ({"methods": "toy-slow", "classes": "1-3"}, "--classes 1-3 goes beyond the classes of toy, 0-2"),
        ({"methods": ","}, "no methods are selected"),
        (
            {"set": ["toy-slow.pause=0"]},
            "--set toy-slow.…: nothing called 'toy-slow' is selected. Selected: count, toy",
        ),
        ({"set": ["toy-first"]}, "cannot read --set 'toy-first'"),
        (
            {"protocol": "nonsense"},
            "--protocol nonsense would change nothing: no selected evaluator has a setting 'protocol'",
        ),
        (
            {"networks": "convnet3,resnet10"},
            "--networks convnet3,resnet10 would change nothing: no selected evaluator has a setting 'network'",
        ),
        (
            {"evaluators": "accuracy", "protocol": "dc", "set": ["accuracy.protocol=short"]},
            "--protocol dc would change nothing: accuracy[protocol=short] has one of its own",
        ),
        (
            {"evaluators": "moments[network=convnet3]", "networks": "convnet3,resnet10"},
            "--networks convnet3,resnet10 would change nothing: moments[network=convnet3] has one of its own",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_request_that_cannot_work_is_refused_with_the_reason(
    plan: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(RequestError) as caught:
        plan(**options)
    assert message in str(caught.value)


def test_two_datasets_of_one_kind_may_have_two_names(plan: Any) -> None:
    names = [planned.cell.dataset.name for planned in plan(datasets="toy,toy[classes=2,name=two]")]
    assert names == ["toy", "two"]


def test_a_thousand_cells_are_planned_in_no_time(plan: Any) -> None:
    plan(methods="toy-first,toy-slow")
    start = time.process_time()
    cells = plan(methods="toy-first,toy-slow", ipc="1-10", seeds="0-49")
    keys = {trial.trial.key for planned in cells for trial in planned.trials}
    assert time.process_time() - start < 3
    assert len(cells) == len(keys) == 1000


def test_the_arithmetic_of_the_device_stands_in_the_names_of_what_depends_on_it(registry: Registry, data: Path) -> None:
    def named(arithmetic: Arithmetic) -> dict[str, tuple[str, str]]:
        request = make_request(methods="random,toy-first", datasets="toy", evaluators="count", ipc=1, data=data)
        plan = Planner(request, registry, arithmetic=arithmetic).cells()
        return {planned.cell.method.record: (planned.cell.digest, planned.trials[0].trial.key) for planned in plan}

    plain, gpu = named(Arithmetic()), named(Arithmetic("bf16", "tf32"))
    assert plain["random"][0] == gpu["random"][0], "it only draws"
    assert plain["random"][1] != gpu["random"][1]
    assert plain["toy-first"][0] != gpu["toy-first"][0]
