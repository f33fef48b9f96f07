from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.made_cells import made_cell, made_trial

from dcbench.engine.identity import Cell, digest_of
from dcbench.engine.jobs import EvaluateJob

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=5))
def test_a_digest_does_not_depend_on_order(value: dict[str, Any]) -> None:
    assert digest_of(value) == digest_of(dict(reversed(value.items())))


@pytest.mark.parametrize(
    "same",
    [
        made_cell(method={"label": "toy-slow[lr=1]"}),
        made_cell(dataset={"argument": "/elsewhere"}),
        made_cell(dataset={"settings": {"cache": "/elsewhere"}}),
        made_cell(dataset={"selector": "toy[cache=/elsewhere]"}),
        made_cell(dataset={"record": "folder"}),
        made_cell(dataset={"test": "cc"}),
        made_cell(method={"settings": {"lr": 1.0, "added later": 0}}),
    ],
    ids=[
        "label",
        "argument",
        "dataset settings",
        "selector",
        "record of the dataset",
        "test split",
        "field added later",
    ],
)
def test_a_cell_keeps_its_name(same: Cell) -> None:
    assert same.digest == made_cell().digest


@pytest.mark.parametrize(
    "other",
    [
        made_cell(dataset={"name": "other"}),
        made_cell(dataset={"train": "ab"}),
        made_cell(dataset={"mean": (0.6,)}),
        made_cell(dataset={"std": (0.3,)}),
        made_cell(dataset={"mirror_ok": True}),
        made_cell(method={"record": "other"}),
        made_cell(method={"revision": 2}),
        made_cell(method={"network_revision": 2}),
        made_cell(method={"arithmetic": "bf16"}),
        made_cell(method={"digest_settings": {"lr": 2.0}}),
        made_cell(ipc=2),
        made_cell(replicate=1),
        made_cell(split="validation"),
    ],
    ids=[
        "dataset",
        "training data",
        "mean",
        "std",
        "mirrored or not",
        "method",
        "revision",
        "revision of its network",
        "arithmetic",
        "settings",
        "ipc",
        "seed",
        "split",
    ],
)
def test_a_cell_gets_another_name(other: Cell) -> None:
    assert other.digest != made_cell().digest


def test_two_kinds_of_arithmetic_never_pool_and_float32_is_not_written() -> None:
    trial = made_trial(made_cell(method={"arithmetic": "bf16"}), arithmetic="tf32")
    assert len({trial.variant, made_trial(arithmetic="tf32").variant, made_trial().variant}) == 3
    job = EvaluateJob(trial=trial, first=0, stop=1)
    assert EvaluateJob.model_validate_json(job.model_dump_json()) == job
    plain = EvaluateJob(trial=made_trial(), first=0, stop=1)
    assert "arithmetic" not in plain.model_dump_json()
    assert EvaluateJob.model_validate_json(plain.model_dump_json()) == plain
    assert "arithmetic" not in str(made_cell().facts())


def test_digests_stay_what_they_were() -> None:
    # Stores outlive releases: these names must never change.
    assert made_cell().digest == "50568e2d1e20a2e3f5ff31a0809fc1f816d7a91c669fa32c6350603ecc2facaa"
    assert made_trial().key == "a0b8a98b644786baf9fbafece68c6d87a8010d0b1291a692d43d68682eccaa0f"


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"label": "count[x=1]"}, True),
        ({"recipe": {"epochs": 2, "repeats": 30}}, True),
        ({"revision": 2}, False),
        ({"network_revision": 1}, True),
        ({"network_revision": 2}, False),
        ({"arithmetic": "float32"}, True),
        ({"arithmetic": "tf32"}, False),
        ({"record": "other"}, False),
        ({"digest_settings": {"protocol": "q"}}, False),
        ({"digest_recipe": {"epochs": 3}}, False),
    ],
    ids=[
        "label",
        "repeats",
        "revision",
        "first network",
        "changed network",
        "float32",
        "arithmetic",
        "evaluator",
        "settings",
        "recipe",
    ],
)
def test_the_key_of_a_trial(changes: dict[str, Any], same: bool) -> None:
    assert (made_trial(**changes).key == made_trial().key) is same
    assert (made_trial(**changes).variant == made_trial().variant) is same


def test_the_key_depends_on_the_test_data_and_on_the_cell() -> None:
    keys = [made_trial(cell).key for cell in (made_cell(), made_cell(dataset={"test": "cc"}), made_cell(replicate=1))]
    assert len(set(keys)) == 3


@pytest.mark.parametrize(
    ("cell", "same"),
    [
        (made_cell(replicate=1), True),
        (made_cell(dataset={"test": "cc"}), False),
        (made_cell(method={"revision": 2}), False),
        (made_cell(split="validation"), False),
    ],
    ids=["seed", "test split", "revision", "split"],
)
def test_a_variant_is_the_key_without_seed_and_step(cell: Cell, same: bool) -> None:
    assert (made_trial(cell).variant == made_trial().variant) is same
    assert made_trial(cell).model_copy(update={"step": 3}).variant == made_trial(cell).variant


def test_the_name_of_a_trial_does_not_depend_on_its_repeats() -> None:
    jobs = [EvaluateJob(trial=made_trial(), first=0, stop=stop) for stop in (1, 5)]
    assert jobs[0].name == jobs[1].name
    assert list(jobs[1].repeats) == [0, 1, 2, 3, 4]


def test_a_snapshot_is_a_trial_of_its_own_and_the_final_set_keeps_its_key() -> None:
    final, *snapshots = (made_trial().model_copy(update={"step": step}) for step in (None, 0, 10))
    assert final.key == made_trial().key
    assert len({final.key, *(trial.key for trial in snapshots)}) == 3
    actions = [EvaluateJob(trial=trial, first=0, stop=1).action for trial in (final, *snapshots)]
    assert actions == [f"evaluate count (p, n){at}" for at in ("", " at step 0", " at step 10")]
    assert len({trial.cell.repeat_seed(0) for trial in (final, *snapshots)}) == 1, "comparisons are paired"


def test_all_methods_share_their_seeds() -> None:
    one, other = made_cell(), made_cell(method={"record": "other", "digest_settings": {}})
    assert one.condense_seed == other.condense_seed
    assert [one.repeat_seed(n) for n in range(3)] == [other.repeat_seed(n) for n in range(3)]


def test_seeds_stay_what_they_were() -> None:
    # New repeats of an old trial, and its condensed set made anew, must come from the seeds of the old ones.
    assert (made_cell().condense_seed, made_cell().repeat_seed(0)) == (455999699901020082, 3109286325117519904)


def test_seeds_differ_by_dataset_ipc_seed_and_repeat() -> None:
    cells = [made_cell(), made_cell(ipc=2), made_cell(replicate=1), made_cell(dataset={"name": "other"})]
    seeds = [seed for cell in cells for seed in (cell.condense_seed, cell.repeat_seed(0), cell.repeat_seed(1))]
    assert len(set(seeds)) == len(seeds)


def test_a_cell_survives_json() -> None:
    cell = made_cell(split="validation")
    assert Cell.model_validate_json(cell.model_dump_json()) == cell
