from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from support.made_cells import made_trial
from support.made_results import add_failure, cell_of

from dcbench.api.condensed import CondensedSet
from dcbench.engine.identity import Cell
from dcbench.engine.store.evaluations import StoredEvaluation, write_evaluation
from dcbench.engine.store.sets import StoredSet, write_condensed
from dcbench.engine.store.store import Store
from dcbench.report.card import card
from dcbench.report.text import drawn

FACTS: dict[str, Any] = {
    "device": "a processor",
    "seconds": 90.0,
    "finished": "2026-01-01T00:00:00+00:00",
    "peak_memory_bytes": 2**30,
    "versions": {"dcbench": "0.1.0", "torch": "2.6", "cuda": ""},
    "runtime": {"device": "cpu", "threads": 2},
    "numbers": 96,
}
IMAGES, LABELS = torch.full((6, 1, 4, 4), 0.5), torch.arange(3).repeat_interleave(2)


def write_set(results: Path, cell: Cell, condensed: CondensedSet, trace: Any = None, **facts: Any) -> None:
    snapshots = {0: condensed, 50: condensed}
    record = StoredSet(cell, condensed, FACTS | facts, trace or {}, snapshots, {50: 45.0})
    write_condensed(Store(results).condensed(cell), record)


def write_repeats(
    results: Path, cell: Cell, first: int, values: list[float], step: int | None = None, **facts: Any
) -> None:
    trial = made_trial(cell).model_copy(update={"step": step})
    repeats = range(first, first + len(values))
    record = StoredEvaluation(trial, repeats, {"pixel": tuple(values)}, FACTS | facts)
    write_evaluation(Store(results).evaluation(trial, repeats), record)


def shown(results: Path, cell: Cell, **options: Any) -> str:
    return drawn(card(Store(results).files(cell)), **options)


def test_a_set_is_shown_with_its_budget_decoder_snapshots_and_provenance(tmp_path: Path) -> None:
    cell = cell_of("m3d", ipc=2, settings={"lr": 1.0, "factor": 2}, overrides={"lr": 5.0})
    loss = [(step, 1000 * 0.5**step) for step in range(12)]
    write_set(tmp_path, cell, CondensedSet.of_images(IMAGES, LABELS, factor=2), {"loss": loss}, cite="A paper")
    text = shown(tmp_path, cell)
    for line in (
        "toy · ipc 2 · m3d · replicate 0 · test split",
        "  holds      6 images of 1x4x4, 96 numbers",
        "  budget     100% of 96 numbers",
        "  decoder    patches x2: 24 training images",
        "  snapshots  step 0, step 50 (45.0 s)",
        "  lr      1.0  (recommended: 5.0)",
        "  factor  2",
        "  made     2026-01-01T00:00:00+00:00 in 90.0 s on a processor, 1,024 MiB at most",
        "  with     dcbench 0.1.0, torch 2.6",
        "  runtime  device cpu, threads 2",
        "  after    A paper",
    ):
        assert f"{line}\n" in text, line
    assert re.search(r"^  loss  █[▁-█]{10}▁  1000 at step 0, 0\.4883 at step 11, log scale$", text, re.MULTILINE)


def test_the_stretches_of_a_job_that_was_interrupted_are_shown(tmp_path: Path) -> None:
    known = {"runtime": {"threads": 2, "precision": "float32"}, "device": "a chip", "instructions": "AVX2"}
    cell = cell_of("m3d")
    stretches: list[dict[str, Any]] = [{"seconds": 30.0}, known | {"seconds": 60.0}]
    stretches += [
        known | {"seconds": 90.0, "commit": "0123456789abcdef" * 2 + "01234567" + end} for end in ("", "-dirty")
    ]
    write_set(tmp_path, cell, CondensedSet.of_images(IMAGES, LABELS), stretches=stretches)
    text = shown(tmp_path, cell)
    assert "  stretch 1  30.0 s, not known how\n" in text
    assert "  stretch 2  60.0 s, threads 2, float32, a chip, AVX2\n" in text
    assert "  stretch 3  90.0 s, threads 2, float32, a chip, AVX2, commit 0123456789ab\n" in text
    assert "  stretch 4  90.0 s, threads 2, float32, a chip, AVX2, commit 0123456789ab-dirty\n" in text


def test_other_data_than_the_name_says_is_told(tmp_path: Path) -> None:
    cell = cell_of("m3d")
    assert (
        "differs" not in (write_set(tmp_path, cell, CondensedSet.of_images(IMAGES, LABELS)), shown(tmp_path, cell))[1]
    )
    other = cell.model_copy(update={"dataset": cell.dataset.model_copy(update={"other_data": "half of it"})})
    write_set(tmp_path, other, CondensedSet.of_images(IMAGES, LABELS))
    text = shown(tmp_path, other)
    assert text.startswith("toy (other data) · ipc 1")
    assert "Data\n  differs  half of it" in text


def test_the_images_of_each_class_and_split_are_counted(tmp_path: Path) -> None:
    cell = cell_of("m3d", class_names=("ant", "bee"), split="validation")
    counted = {"train_counts": (4, 6), "test_counts": (1, 1)}
    cell = cell.model_copy(update={"dataset": cell.dataset.model_copy(update=counted)})
    write_set(tmp_path, cell, CondensedSet.of_images(IMAGES, LABELS))
    wanted = "Data\n  training    10 images (ant: 4, bee: 6)\n  validation  2 images, 1 of each class\n"
    assert wanted in shown(tmp_path, cell)


def test_soft_labels_count_in_the_budget_and_references_have_none(tmp_path: Path) -> None:
    soft = CondensedSet(torch.full((2, 3), 1 / 3), IMAGES[:2])
    cell = cell_of("m3d", ipc=1)
    write_set(tmp_path, cell, soft, numbers=2 * 16 + 6)
    assert "  holds      2 images of 1x4x4 with soft labels, 38 numbers\n" in shown(tmp_path, cell)
    assert "  budget     79% of 48 numbers\n" in shown(tmp_path, cell)
    whole = cell_of("whole")
    write_set(tmp_path, whole, CondensedSet(LABELS, None, torch.arange(6)))
    assert "  budget     exempt: a reference row\n" in shown(tmp_path, whole)
    assert "6 images, selected from the training set, 96 numbers" in shown(tmp_path, whole)


def test_an_evaluation_has_the_repeats_of_all_its_files_and_of_two_the_latest_counts(tmp_path: Path) -> None:
    cell = cell_of("m3d")
    write_repeats(tmp_path, cell, 1, [3.0, 4.0], finished="2026-01-02T00:00:00+00:00")
    write_repeats(tmp_path, cell, 0, [1.0, 2.0])
    text = shown(tmp_path, cell)
    assert "s0-" in text.splitlines()[0]
    assert "no condensed set" in text.splitlines()[0]
    assert text.count("Evaluation count, protocol p, network n\n") == 1
    assert "  pixel    2.7 (±1.2) (1x3): 1.00 3.00 4.00\n" in text


def test_an_evaluation_under_an_older_recipe_says_what_it_did_otherwise(tmp_path: Path) -> None:
    cell = cell_of("random")
    for name, protocol in (("dc", "dc"), ("dc-spline", "other")):
        recipe = {"augmentation": name, "strategy": "crop_scale_rotate"}
        trial = made_trial(cell, settings={"protocol": protocol}, recipe=recipe, digest_recipe=recipe)
        path = Store(tmp_path).evaluation(trial, range(1))
        write_evaluation(path, StoredEvaluation(trial, range(1), {"pixel": (1.0,)}, FACTS))
    (line,) = [line for line in shown(tmp_path, cell, width=200).splitlines() if "older recipe" in line]
    assert line.endswith(
        "rotates bilinearly; the protocol of today rotates by cubic splines, as the published code does"
    )


def test_snapshots_that_were_evaluated_come_in_order_before_the_set_itself(tmp_path: Path) -> None:
    cell = cell_of("m3d")
    for step in (None, 50, 0):
        write_repeats(tmp_path, cell, 0, [1.0], step)
    titles = [line for line in shown(tmp_path, cell).splitlines() if line.startswith("Evaluation")]
    assert titles == [f"Evaluation count,{at} protocol p, network n" for at in (" at step 0,", " at step 50,", "")]


def test_parts_and_origins_are_shown(tmp_path: Path) -> None:
    cell = cell_of("m3d")
    part = FACTS | {"classes": "0-1"}
    write_set(
        tmp_path, cell, CondensedSet.of_images(IMAGES, LABELS), parts=[part], origin={"text": "a page", "made": {}}
    )
    text = shown(tmp_path, cell)
    assert "  classes 0-1  2026-01-01T00:00:00+00:00 in 90.0 s on a processor, 1,024 MiB at most\n" in text
    assert "Origin\n  text  a page\n\nParts\n" in text


def test_a_setting_for_which_nothing_is_recommended_says_nothing(tmp_path: Path) -> None:
    cell = cell_of("imported", settings={"name": "f2", "factor": 0}, overrides={"name": "", "factor": 1})
    write_set(tmp_path, cell, CondensedSet.of_images(IMAGES, LABELS))
    assert "  name    f2\n  factor  0  (recommended: 1)\n" in shown(tmp_path, cell)


def test_a_failure_is_shown_until_the_set_is_there(tmp_path: Path) -> None:
    cell = cell_of("m3d")
    add_failure(tmp_path, "m3d")
    failed = re.compile(r"^Failed condense at \S+: ValueError: it broke\n  Traceback \.\.\.$", re.MULTILINE)
    assert failed.search(shown(tmp_path, cell))
    write_set(tmp_path, cell, CondensedSet.of_images(IMAGES, LABELS))
    assert not failed.search(shown(tmp_path, cell))


@pytest.mark.parametrize("width", [40, 80, 140])
def test_nothing_is_wider_than_the_terminal_or_lost_in_it(tmp_path: Path, width: int) -> None:
    cell = cell_of("m3d", label="m3d[kernel=linear]", settings={"strategy": "color_crop_cutout_flip_scale_rotate"})
    write_set(tmp_path, cell, CondensedSet.of_images(IMAGES, LABELS), {"loss": [(step, 1.0) for step in range(99)]})
    text = shown(tmp_path, cell, width=width)
    assert max(map(len, text.splitlines())) <= width
    assert cell.digest in re.sub(r"\s", "", text)
    assert "m3d[kernel=linear]" in text
