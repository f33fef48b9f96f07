from __future__ import annotations

import enum
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dcbench import DcbenchError
from dcbench.engine.store.given import as_count, as_metrics, as_state, as_tensors, check_name
from dcbench.engine.store.hdf5 import reading, writing
from dcbench.engine.store.tensors import Checkpoint, read_checkpoint, write_checkpoint


class Colour(enum.IntEnum):
    RED = 3


class Word(enum.StrEnum):
    YES = "yes"


class Rude:
    def __repr__(self) -> str:
        raise ValueError("no text")


HUGE = 2**63
TENSORS = [
    torch.ones(shape).to(kind)
    for shape in ((3, 2), (), (0, 3))
    for kind in (
        torch.float16, torch.float32, torch.float64, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64,
        torch.bool, torch.complex64, torch.complex128, torch.uint16, torch.uint32, torch.uint64,
    )
]  # fmt: skip
ODD_TENSORS = {
    "conjugate": torch.tensor([1 + 2j]).conj(),
    "negated view": torch.tensor([1 + 2j, 3j]).conj().imag,
    "with gradient": torch.ones(2, requires_grad=True),
    "parameter": torch.nn.Parameter(torch.ones(2)),
    "expanded": torch.ones(1).expand(4),
    "transposed": torch.arange(6).reshape(2, 3).T,
}
REFUSED_TENSORS = {
    "bfloat16": torch.ones(2).bfloat16(),
    "sparse": torch.eye(2).to_sparse(),
    "no data": torch.ones(2, device="meta"),
}


def through_a_file(folder: Path, state: Any) -> dict[str, Any]:
    write_checkpoint(folder / "x.h5", Checkpoint(as_state(state, "a checkpoint")))
    return dict(read_checkpoint(folder / "x.h5").state)


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3), torch.tensor(3), torch.tensor([3]), Colour.RED])
def test_a_whole_number_of_any_library_is_one(value: Any) -> None:
    assert (as_count(value, "a step"), type(as_count(value, "a step"))) == (3, int)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1.5, "1.5"), (1.0, "1.0"), (-1, "-1"), (True, "True"), (None, "None"), ("3", "'3'"), (HUGE, str(HUGE)),
        (float("nan"), "nan"), (np.float32(2), "np.float32(2.0)"), (np.bool_(True), "np.True_"),
        (torch.tensor(2.0), "tensor(2.)"), (torch.arange(2), "tensor([0, 1])"), ([1], "[1]"), (Rude(), "a Rude"),
        ("x" * 100, "'" + "x" * 56 + "..."),
    ],
)  # fmt: skip
def test_what_is_no_step_is_refused_in_one_line(value: Any, shown: str) -> None:
    with pytest.raises(DcbenchError) as caught:
        as_count(value, "the step of a snapshot")
    assert str(caught.value) == f"the step of a snapshot is a whole number from 0 on, not {shown}"


@pytest.mark.parametrize("name", ["", ".", "a/b", "/", "a\0b", "\udc80", 1, None])
@pytest.mark.parametrize(
    "give",
    [
        lambda name: as_metrics({name: 1.0}),
        lambda name: as_state({name: torch.ones(1)}, "a checkpoint"),
        lambda name: as_state({name: 1}, "a checkpoint"),
        lambda name: as_tensors({name: torch.ones(1)}, "an artifact"),
    ],
    ids=["metric", "tensor", "number", "artifact"],
)
def test_a_name_that_no_file_can_hold_is_refused(name: Any, give: Callable[[Any], object]) -> None:
    with pytest.raises(DcbenchError, match="is not a name for"):
        give(name)


@settings(max_examples=60)
@given(st.text())
def test_every_other_name_comes_back(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    try:
        check_name(name, "a metric")
    except DcbenchError:
        return
    path = tmp_path_factory.getbasetemp() / "names.h5"
    with writing(path, "test") as file:
        file.create_group(name)
    with reading(path, "test") as file:
        assert list(file) == [name]


@pytest.mark.parametrize("value", [None, [1.0], "high", torch.ones(2), 1j, 10**400, object])
def test_a_metric_that_is_no_number_is_refused_by_name(value: Any) -> None:
    with pytest.raises(DcbenchError, match=r"^progress: the metric loss is a number, not [^\n]+$"):
        as_metrics({"loss": value})


def test_a_loss_that_diverged_is_a_metric() -> None:
    assert math.isnan(as_metrics({"loss": torch.tensor(float("nan"))})["loss"])


@pytest.mark.parametrize("tensor", TENSORS, ids=lambda tensor: f"{tensor.dtype}-{tuple(tensor.shape)}")
def test_a_tensor_of_every_kind_that_files_hold_comes_back(tmp_path: Path, tensor: torch.Tensor) -> None:
    found = through_a_file(tmp_path, {"x": tensor})["x"]
    assert (found.dtype, found.shape) == (tensor.dtype, tensor.shape)
    assert found.numpy().tobytes() == tensor.numpy().tobytes()


@pytest.mark.parametrize("name", ODD_TENSORS)
def test_a_tensor_that_looks_odd_comes_back_as_a_plain_one(tmp_path: Path, name: str) -> None:
    tensor = ODD_TENSORS[name]
    found = through_a_file(tmp_path, {"x": tensor})["x"]
    assert type(found) is torch.Tensor
    assert torch.equal(found, tensor.detach())
    (given,) = as_tensors({"x": tensor}, "an artifact").values()
    assert given.stride() == found.stride(), "who builds it gets the same as those that read it"


@pytest.mark.parametrize("name", REFUSED_TENSORS)
def test_a_tensor_that_no_file_holds_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(DcbenchError, match=r"^the tensor 'x' \(\w+, \w+, on \w+\) cannot be stored; [^\n]+$"):
        as_state({"x": REFUSED_TENSORS[name]}, "a checkpoint")


@pytest.mark.parametrize(
    "value",
    [0, -7, True, 0.1, float("inf"), "", "\udc80", "a\0b", "x" * 100_000, 10**400, np.int64(3), np.float32(0.5),
     np.bool_(True), Colour.RED, Word.YES],
)  # fmt: skip
def test_numbers_and_texts_come_back_as_pythons_own(tmp_path: Path, value: Any) -> None:
    found = through_a_file(tmp_path, {"x": value})["x"]
    assert found == value
    assert type(found) in {bool, int, float, str}


def test_a_number_that_is_none_comes_back_as_such(tmp_path: Path) -> None:
    assert math.isnan(through_a_file(tmp_path, {"x": float("nan")})["x"])


@pytest.mark.parametrize("value", [None, [1], {}, b"x", 1j, pytest.param(10**5000, id="huge"), object(), np.ones(2)])
def test_what_would_need_pickling_is_refused_by_name(value: Any) -> None:
    with pytest.raises(DcbenchError, match=r"^'optimiser' in a checkpoint is [^\n]+; there are tensors, texts, and"):
        as_state({"optimiser": value}, "a checkpoint")


@pytest.mark.parametrize("state", [None, [("a", 1)], torch.ones(2)])
def test_a_state_that_is_no_mapping_is_refused(state: Any) -> None:
    with pytest.raises(DcbenchError, match=r"^the state of a checkpoint is a mapping of names to values, not [^\n]+$"):
        as_state(state, "a checkpoint")


def test_an_artifact_holds_tensors_alone() -> None:
    with pytest.raises(DcbenchError, match=r"^an artifact holds tensors alone; 'epochs' is a int$"):
        as_tensors({"weights": torch.ones(2), "epochs": 3}, "an artifact")


def test_small_names_and_large_states_go_on_working(tmp_path: Path) -> None:
    state = {f"layer {number}.weight": torch.full((2,), float(number)) for number in range(300)}
    found = through_a_file(tmp_path, state)
    assert all(torch.equal(found[name], value) for name, value in state.items())


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.text(max_size=5), st.one_of(st.integers(), st.floats(allow_nan=False), st.text()), max_size=4)
)
def test_whatever_is_not_refused_comes_back(tmp_path: Path, state: dict[str, Any]) -> None:
    try:
        plain = as_state(state, "a checkpoint")
    except DcbenchError:
        return
    assert through_a_file(tmp_path, plain) == state
