from __future__ import annotations

import io
import os
import pickle
import random
import warnings

import numpy as np
import pytest
import torch

from dcbench.testing.side_effects import opened_files, preserved, stir_generators, watching

CHANGES = {
    "torch's default dtype": lambda: torch.set_default_dtype(torch.float64),
    "torch's global generator": lambda: torch.rand(1),
    "NumPy's global generator": np.random.rand,
    "the generator of random": random.random,
    "torch's number of threads": lambda: torch.set_num_threads(torch.get_num_threads() + 1),
    "whether torch records gradients": lambda: torch.set_grad_enabled(mode=False),
    "the working directory": lambda: os.chdir("/"),
    "the environment": lambda: os.environ.update(DCBENCH_SOMETHING="1"),
    "the filters of warnings": lambda: warnings.simplefilter("ignore"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_each_change_is_named_and_undone(name):
    with preserved() as changed:
        CHANGES[name]()
    assert changed == [name]
    with preserved() as changed:
        pass
    assert changed == []


def test_generators_go_on_as_if_nothing_had_been_drawn():
    def draws():
        return torch.rand(3).tolist(), np.random.rand(3).tolist(), random.random()

    with preserved():
        first = draws()
    with preserved():
        stir_generators()
        assert all(one != other for one, other in zip(first, draws(), strict=True))
    with preserved():
        assert draws() == first


def test_what_is_printed_and_pickled_is_seen(capsys):
    with watching() as watched:
        print("hello")
        pickle.loads(pickle.dumps(1))
        torch.save(torch.zeros(1), io.BytesIO())
    assert watched.printed == "hello\n"
    assert watched.pickled[:3] == ["pickle.dumps", "pickle.loads", "torch.save"]
    assert capsys.readouterr().out == ""
    pickle.dumps(1)
    assert watched.pickled.count("pickle.dumps") == 1


def test_files_that_are_opened_are_named_by_their_real_paths(tmp_path):
    (tmp_path / "a").write_text("a")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    with opened_files() as opened:
        (tmp_path / "link").read_text()
    (tmp_path / "b").write_text("b")
    assert opened == [str((tmp_path / "a").resolve())]
