from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from support.fakes import made_up_set
from support.made_cells import made_cell

from dcbench import CondensedSet
from dcbench.engine.store.sets import StoredSet
from dcbench.report.figures.images import condensed_grid
from dcbench.report.figures.style import save

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure


def record_of(classes: int, ipc: int, channels: int = 1, size: int = 8, **changes: Any) -> StoredSet:
    labels = torch.arange(classes).repeat_interleave(ipc)
    images = torch.rand(len(labels), channels, size, size, generator=torch.Generator().manual_seed(0))
    condensed = CondensedSet.of_images(images, labels, factor=changes.pop("factor", 1))
    initial = CondensedSet.of_images(1 - images, labels)
    return StoredSet(made_cell(ipc, **changes), condensed, {}, {}, {0: initial})


def picture(figure: Figure) -> torch.Tensor:
    """Return what is drawn, (H, W, 3)."""
    return torch.as_tensor(figure.axes[0].images[0].get_array())


def row_names(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].get_yticklabels()]


def halves(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].get_xticklabels()]


@pytest.mark.parametrize("channels", [1, 3])
def test_each_image_stands_in_the_row_of_its_class_beside_what_it_was(channels: int) -> None:
    record = record_of(3, 2, channels)
    figure = condensed_grid(record, ["a", "b", "c"])
    drawn, pitch = picture(figure), 9  # 8 pixels and one between images
    assert (row_names(figure), halves(figure)) == (["a", "b", "c"], ["initial", "condensed"])
    right = 2 * pitch + pitch // 2
    for number, image in enumerate(record.condensed.stored_images()):
        top, left = divmod(number, 2)
        shown = image.expand(3, -1, -1).permute(1, 2, 0)
        rows = slice(top * pitch, top * pitch + 8)
        assert torch.equal(drawn[rows, right + left * pitch :][:, :8], shown)
        assert torch.allclose(drawn[rows, left * pitch :][:, :8], 1 - shown)


@pytest.mark.parametrize("channels", [2, 4])
def test_channels_without_colours_are_drawn_as_their_mean(channels: int) -> None:
    record = record_of(2, 1, channels)
    drawn = picture(condensed_grid(record, initial=False))
    first = record.condensed.stored_images()[0].mean(0)
    assert all(torch.allclose(drawn[:8, :8, colour], first) for colour in range(3))


def test_without_a_first_snapshot_or_wish_there_is_one_half() -> None:
    record = record_of(2, 1)
    assert halves(condensed_grid(record, initial=False)) == ["condensed"]
    bare = StoredSet(record.cell, record.condensed, {})
    assert halves(condensed_grid(bare)) == ["condensed"]


def test_classes_are_named_by_the_record_or_by_number() -> None:
    assert row_names(condensed_grid(record_of(2, 1))) == ["0", "1"]
    assert row_names(condensed_grid(record_of(2, 1, dataset={"class_names": ("cat", "dog")}))) == ["cat", "dog"]


def test_decoded_images_are_those_that_networks_see() -> None:
    record = record_of(2, 1, factor=2)
    stored, decoded = (picture(condensed_grid(record, initial=False, decoded=decoded)) for decoded in (False, True))
    assert decoded.shape[1] == 4 * stored.shape[1]
    images, _ = record.condensed.decode()
    assert torch.allclose(decoded[:8, 9:17, 0], images[2, 0].clamp(0, 1)), "the second tile of the first image"


def test_a_selection_takes_its_images_from_the_training_split() -> None:
    train = made_up_set()
    condensed = CondensedSet.selection(torch.stack([index[3] for index in train.class_index]), train)
    record = StoredSet(made_cell(), condensed, {})
    drawn = picture(condensed_grid(record, train=train))
    assert torch.allclose(drawn[:8, :8, 0], train.images[train.class_index[0][3], 0] / 255)
    with pytest.raises(ValueError, match="training split"):
        condensed_grid(record)


def test_a_soft_label_counts_as_its_likeliest_class() -> None:
    images, labels = torch.rand(2, 1, 8, 8), torch.tensor([[0.4, 0.6], [0.9, 0.1]])
    record = StoredSet(made_cell(), CondensedSet.of_images(images, labels), {})
    assert torch.equal(picture(condensed_grid(record))[:8, :8, 0], images[1, 0])


def test_of_many_classes_and_images_the_first_are_shown_and_a_note_says_so(tmp_path: Path) -> None:
    names = [f"$class_{number}$ with <a> name of 40 characters %" for number in range(100)]
    figure = condensed_grid(record_of(100, 50, 3, 32), names)
    assert figure.axes[0].get_xlabel() == "the first 20 of 100 classes, the first 10 of 50 images of each class"
    assert len(row_names(figure)) == 20
    assert max(map(len, row_names(figure))) == 24
    assert max(figure.get_size_inches()) < 8
    save(figure, tmp_path / "x.svg")
    assert "$class_19$" in (tmp_path / "x.svg").read_text()


def test_pixels_a_little_outside_are_drawn_at_the_ends(tmp_path: Path) -> None:
    condensed = CondensedSet.of_images(torch.linspace(-0.4, 1.4, 64).view(1, 1, 8, 8), torch.zeros(1).long())
    figure = condensed_grid(StoredSet(made_cell(), condensed, {}))
    assert (float(picture(figure).min()), float(picture(figure).max())) == (0.0, 1.0)
    save(figure, tmp_path / "x.png")
