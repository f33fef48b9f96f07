"""What is written in a format comes back from it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.fakes import info_of, made_up_set

from dcbench.engine.exchange import image_folder, safetensors_file, torch_file
from dcbench.engine.exchange.layouts import tidy_labels
from dcbench.engine.exchange.portable import PortableSet

READERS: dict[str, Callable[[Path, int], PortableSet]] = {
    "x.safetensors": lambda path, _: safetensors_file.read(path),
    "x.pt": lambda path, _: torch_file.read(path, 0),
    "x": lambda path, channels: image_folder.read(path, info_of(made_up_set(channels=channels))),
}
WRITERS = {"x.safetensors": safetensors_file.write, "x.pt": torch_file.write, "x": image_folder.write}

FACTS = {"dataset": "made-up", "digest": "ab", "seconds": 1.5}


@st.composite
def portable_sets(draw: st.DrawFn) -> PortableSet:
    channels, classes, ipc = draw(st.sampled_from([1, 3])), draw(st.integers(2, 4)), draw(st.integers(1, 3))
    factor, size = draw(st.integers(1, 2)), draw(st.integers(2, 7))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 99)))
    images = torch.randint(0, 256, (classes * ipc, channels, size, size), generator=generator).float() / 255
    labels = torch.arange(classes).repeat_interleave(ipc)[torch.randperm(classes * ipc, generator=generator)]
    if draw(st.booleans()):
        labels = torch.rand(len(labels), classes, generator=generator).softmax(1)
    names = tuple(f"class {label}" for label in range(classes)) if draw(st.booleans()) else ()
    return PortableSet(images, labels, factor, FACTS, names, unbounded=draw(st.booleans()))


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=15)
@given(made=portable_sets())
def test_a_set_comes_back(name: str, made: PortableSet) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        WRITERS[name](path, made)
        back = READERS[name](path, made.images.shape[1])
    images = back.images if back.images.is_floating_point() else back.images.float().div(255)
    assert images.dtype == torch.float32
    assert torch.equal(images, made.images)
    assert torch.equal(tidy_labels(back.labels), made.labels)
    assert back.factor == made.factor
    assert back.unbounded == (made.unbounded and name != "x"), "pictures hold no pixels far outside"
    assert FACTS.items() <= back.facts.items()


@given(made=portable_sets())
@settings(max_examples=15)
def test_a_decoded_set_holds_every_tile(made: PortableSet) -> None:
    decoded = made.decoded()
    assert made.factor is not None
    assert decoded.images.shape == (made.factor**2 * len(made.images), *made.images.shape[1:])
    assert len(decoded.labels) == len(decoded.images)
    assert (decoded.factor, decoded.decoder) == (1, "identity")


def test_files_may_be_read_by_everybody(tmp_path: Path) -> None:
    made = PortableSet(torch.zeros(2, 1, 2, 2), torch.arange(2))
    (tmp_path / "plain").touch()
    for name in ("x.safetensors", "x.pt"):
        WRITERS[name](tmp_path / name, made)
        assert (tmp_path / name).stat().st_mode == (tmp_path / "plain").stat().st_mode
