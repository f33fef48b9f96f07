from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch
from support.made_cells import made_trial

from dcbench import CondensedSet, RequestError
from dcbench.engine.exchange import torch_file
from dcbench.engine.exchange.adapting import Meaning
from dcbench.engine.exchange.exporting import export_sets, name_of
from dcbench.engine.exchange.importing import Import, Imported, import_sets
from dcbench.engine.exchange.sources import Sources
from dcbench.engine.identity import Cell
from dcbench.engine.jobs import CondenseJob
from dcbench.engine.registry import Registry, load_registry
from dcbench.engine.store import sets
from dcbench.engine.store.evaluations import StoredEvaluation, write_evaluation
from dcbench.engine.store.failures import Failure
from dcbench.engine.store.sets import StoredSet, read_condensed, write_condensed
from dcbench.engine.store.store import Store
from dcbench.report.results import frame

pytestmark = pytest.mark.usefixtures("toys")

IMAGES = torch.randint(0, 256, (3, 1, 8, 8), generator=torch.Generator().manual_seed(0)).float() / 255
LABELS = torch.tensor([1, 2, 0])


@pytest.fixture(scope="module")
def registry(toys: Path) -> Registry:
    return load_registry()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


def altered(cell: Cell, **changes: Mapping[str, Any]) -> Cell:
    """Return *cell* with *changes* of its dataset and its method, and so with another digest."""
    held = cell.model_dump()
    return Cell.model_validate(held | {part: held[part] | dict(values) for part, values in changes.items()})


class Bench:
    """Imports what it is given into a results folder of its own."""

    def __init__(self, folder: Path, data: Path, registry: Registry) -> None:
        self.store, self.data, self.registry, self.file = Store(folder / "results"), data, registry, folder / "x.pt"

    def __call__(self, held: Any = None, **options: Any) -> Imported:
        if held is not None:
            torch.save(held, self.file)
        (done,) = self.all(**options)
        return done

    def all(self, held: Any = None, **options: Any) -> tuple[Imported, ...]:
        if held is not None:
            torch.save(held, self.file)
        meaning = Meaning(**{each.name: options.pop(each.name) for each in fields(Meaning) if each.name in options})
        wanted = Import(**{"file": self.file, "dataset": "toy", "name": "theirs", "meaning": meaning, **options})
        return import_sets(wanted, self.store, self.data, self.registry)


@pytest.fixture
def bench(tmp_path: Path, data: Path, registry: Registry) -> Bench:
    return Bench(tmp_path, data, registry)


def test_a_set_becomes_a_finished_cell_with_its_origin(bench: Bench) -> None:
    done = bench([IMAGES, LABELS], origin="a paper", seed=3)
    assert (done.images, done.cell.method.selector, done.dropped) == (3, "imported[name=theirs]", ())
    assert done.path == bench.store.condensed(done.cell)
    record = read_condensed(done.path)
    assert record.cell == done.cell
    assert (record.cell.ipc, record.cell.replicate, record.cell.method.label) == (1, 3, "theirs")
    assert record.condensed.images is not None
    assert torch.equal(record.condensed.images, IMAGES)
    assert torch.equal(record.condensed.labels, LABELS), "in the order of the file"
    origin = record.facts["origin"]
    assert (origin["text"], origin["file"], origin["space"], origin["made"]) == ("a paper", "x.pt", "pixel", {})
    assert origin["sha256"] == sha256(bench.file.read_bytes()).hexdigest()
    assert (record.facts["seconds"], record.facts["device"], record.facts["numbers"]) == (0.0, "imported", 192)


def test_of_images_and_labels_in_two_files_both_are_hashed(bench: Bench, tmp_path: Path) -> None:
    images, labels = tmp_path / "images_x.pt", tmp_path / "labels_x.pt"
    torch.save(IMAGES, images)
    found = []
    for classes in (LABELS, LABELS.flip(0)):
        torch.save(classes, labels)
        done = bench(file=images, overwrite=True)
        found.append(read_condensed(done.path).facts["origin"]["sha256"])
    listed = "".join(f"{file.name}\0{sha256(file.read_bytes()).hexdigest()}\n" for file in (images, labels))
    assert found[1] == sha256(listed.encode()).hexdigest()
    assert found[0] != found[1]


def test_the_digest_depends_on_name_and_factor_not_on_the_file(bench: Bench) -> None:
    first = bench([IMAGES, LABELS])
    again = bench([IMAGES / 2, LABELS], overwrite=True)
    assert again.path == first.path
    others = [bench(name="other"), bench(factor=2), bench(seed=1), bench(ipc=2)]
    assert len({first.path, *(done.path for done in others)}) == 5
    assert others[1].cell.method.selector == "imported[name=theirs,factor=2]"
    assert read_condensed(others[1].path).condensed.decoder.factor == 2


@pytest.mark.parametrize("form", ["safetensors", "pt", "images", "hdf5"])
@pytest.mark.parametrize("soft", [False, True])
def test_what_was_exported_is_imported_as_it_was(bench: Bench, tmp_path: Path, form: str, soft: bool) -> None:
    labels = torch.rand(3, 3, generator=torch.Generator().manual_seed(1)).softmax(1) if soft else LABELS
    made = bench([IMAGES, LABELS], name="ours", factor=2).cell
    condensed = CondensedSet.of_images(IMAGES, labels, 2)
    path = bench.store.condensed(made)
    write_condensed(path, StoredSet(made, condensed, {"numbers": 1}))
    sources = Sources(bench.registry, bench.data)
    (written,) = [path] if form == "hdf5" else export_sets(bench.store, tmp_path / "out", form, sources)
    back = read_condensed(bench(file=written, ipc=2 if soft else None).path)
    assert torch.equal(back.condensed.images, IMAGES)
    assert torch.equal(back.condensed.labels, labels)
    assert back.condensed.decoder == condensed.decoder, "the file says the factor"
    assert back.facts["origin"]["made"]["digest"] == made.digest


def test_exported_names_say_what_a_set_is(bench: Bench, tmp_path: Path) -> None:
    cell = bench([IMAGES, LABELS]).cell
    bench(seed=1)
    sources = Sources(bench.registry, bench.data)
    written = export_sets(bench.store, tmp_path / "out", "pt", sources)
    assert f"toy-theirs-ipc1-s0-{cell.digest[:12]}.pt" in [path.name for path in written]
    assert len(written) == 2
    odd = altered(cell, method={"label": "m3d[kernel=linear,lr=1]"})
    assert name_of(odd).startswith("toy-m3d_kernel_linear_lr_1-ipc1-s0-")
    with pytest.raises(RequestError, match="can hold one set, and there are 2; choose one with --cells"):
        export_sets(bench.store, tmp_path / "x.pt", "pt", sources)
    cells = [bench.store.files(cell)]
    assert export_sets(bench.store, tmp_path / "x.pt", "pt", sources, cells) == [tmp_path / "x.pt"]
    assert torch.equal(torch_file.read(tmp_path / "x.pt", 0).images, IMAGES)


def test_normalised_images_are_mapped_back(bench: Bench) -> None:
    done = bench([(IMAGES - 0.5) / 0.3, LABELS], space="normalised")
    record = read_condensed(done.path)
    torch.testing.assert_close(record.condensed.images, IMAGES)
    assert (record.facts["origin"]["mean"], record.facts["origin"]["std"]) == ([0.5], [0.3]), "those of the dataset"


FIVE = [[IMAGES * (5 - number) / 5, LABELS.roll(number)] for number in range(5)]
ACCURACIES = {"ConvNet": [number / 100 for number in range(10)], "MLP": [0.5, 0.25, 1.0, 0.0, 0.125], "odd": [0.1] * 7}


def test_five_experiments_of_one_file_are_five_replicates(bench: Bench) -> None:
    done = bench.all({"data": FIVE, "accs_all_exps": ACCURACIES})
    assert [one.cell.replicate for one in done] == [0, 1, 2, 3, 4]
    assert {(one.cell.method.selector, one.cell.ipc) for one in done} == {("imported[name=theirs]", 1)}
    for one, (images, labels) in zip(done, FIVE, strict=True):
        held = read_condensed(one.path).condensed
        assert torch.equal(held.images, images)
        assert torch.equal(held.labels, labels)


def test_accuracies_that_lie_beside_them_are_kept_as_what_the_file_claims(bench: Bench) -> None:
    done = bench.all({"data": FIVE, "accs_all_exps": ACCURACIES})
    facts = read_condensed(done[3].path).facts
    claimed = {"ConvNet": [0.06, 0.07], "MLP": [0.0], "odd": [0.1] * 7}  # seven do not divide among five
    assert facts["origin"]["claimed"] == claimed
    assert {network: list(values) for network, values in done[3].claimed.items()} == claimed
    table = frame(bench.store.root)
    assert table.empty, "nothing of it is a number of this bench"
    assert "claimed" not in read_condensed(bench([IMAGES, LABELS], name="other").path).facts["origin"]


def test_one_of_five_is_chosen_by_its_number(bench: Bench) -> None:
    (done,) = bench.all({"data": FIVE}, seed=3)
    assert done.cell.replicate == 3
    assert torch.equal(read_condensed(done.path).condensed.images, FIVE[3][0])
    with pytest.raises(RequestError, match="holds 5 sets; --seed chooses among 0-4, not 5"):
        bench.all(seed=5)


def test_all_of_a_file_or_nothing(bench: Bench) -> None:
    bad = [*FIVE[:3], [IMAGES, LABELS + 1], FIVE[4]]
    with pytest.raises(RequestError, match=r"x\.pt, set 3: labels must lie in 0\.\.2"):
        bench.all({"data": bad}, ipc=1)
    assert not bench.store.root.exists()
    bench({"data": FIVE}, seed=2)
    with pytest.raises(RequestError, match=r"theirs replicate 2 is in .* already"):
        bench.all()
    assert len(bench.store.all_condensed()) == 1
    assert len(bench.all(overwrite=True)) == 5


def test_data_that_is_not_there_is_said_first_and_not_fetched(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetched(*_: object, **__: object) -> None:
        raise AssertionError("it fetched")

    monkeypatch.setattr("torchvision.datasets.utils.download_url", fetched)
    bench.data = tmp_path / "empty"
    said = r"cifar10 is not in .*empty, and a set is kept under a hash .*--data .*'dcbench run --datasets cifar10 --dry"
    with pytest.raises(RequestError, match=said):
        bench(file=tmp_path / "not even looked at.pt", dataset="cifar10")
    assert not bench.data.exists()


def test_whitening_is_undone_with_the_training_images(bench: Bench) -> None:
    record = read_condensed(bench([IMAGES * 4 - 2, LABELS], space="zca").path)
    assert record.condensed.unbounded
    assert record.facts["origin"]["whitening"] == "ZCA of the training images, epsilon 0.1, undone"


def test_soft_labels_can_be_dropped_and_the_card_says_so(bench: Bench) -> None:
    soft = torch.tensor([[0.1, 0.8, 0.1], [0.0, 0.0, 1.0], [0.5, 0.25, 0.25]])
    done = bench([IMAGES, soft], labels="hard")
    record = read_condensed(done.path)
    assert record.condensed.labels.tolist() == [1, 2, 0]
    assert record.facts["origin"]["labels_dropped"] == {"images": 3, "one_hot": 1}
    assert "soft labels dropped" in done.notes[0]


def test_one_tensor_a_file_may_be_whitened_and_the_line_says_so(bench: Bench, tmp_path: Path) -> None:
    torch.save(IMAGES * 4 - 2, tmp_path / "images_best.pt")
    torch.save(LABELS, tmp_path / "labels_best.pt")
    done = bench(file=tmp_path / "images_best.pt", space="normalised")
    assert "--space zca" in done.notes[0]
    torch.save(IMAGES, tmp_path / "images_zca_best.pt")
    assert bench(file=tmp_path / "images_zca_best.pt", name="undone").notes == ()


def test_bytes_are_pixels(bench: Bench) -> None:
    done = bench([(IMAGES * 255).round().to(torch.uint8), LABELS])
    assert torch.equal(read_condensed(done.path).condensed.images, IMAGES)


def test_pixels_far_outside_are_refused_or_clipped(bench: Bench) -> None:
    with pytest.raises(RequestError, match=r"pixels reach from -4 to 8, and may from -0\.5 to 1\.5; .*--space normal"):
        bench([torch.where(IMAGES > 0.5, 8.0, -4.0), LABELS])
    record = read_condensed(bench(space="normalised", clip=True).path)
    assert record.condensed.images is not None
    assert record.condensed.images.unique().tolist() == [-0.5, 1.5]
    assert record.facts["origin"]["clipped"]
    assert not record.condensed.unbounded


def test_normalised_images_keep_what_their_code_never_clamped(bench: Bench, tmp_path: Path) -> None:
    images = torch.where(IMAGES > 0.5, 8.0, -4.0)
    done = bench([images, LABELS], space="normalised")
    record = read_condensed(done.path)
    torch.testing.assert_close(record.condensed.images, images * 0.3 + 0.5)
    assert record.condensed.unbounded


def test_soft_labels_count_and_the_line_says_which_budget_would_do(bench: Bench) -> None:
    soft = torch.tensor([[0.8, 0.1, 0.1]] * 3)
    with pytest.raises(
        RequestError, match=r"over budget: .* 9 of them soft labels; .*; --ipc 2 is the least that .*--labels hard"
    ):
        bench([IMAGES, soft])
    assert torch.equal(read_condensed(bench(ipc=2).path).condensed.labels, soft)


WRONG: dict[str, tuple[Any, Mapping[str, Any], str]] = {
    "size": (
        [IMAGES[..., :4], LABELS],
        {},
        r"shape \(3, 1, 8, 4\) with labels of \(3,\); those of toy are \(N, 1, 8, 8\)",
    ),
    "channels": ([IMAGES.repeat(1, 3, 1, 1), LABELS], {"space": "normalised"}, r"shape \(3, 3, 8, 8\)"),
    "flat": ([IMAGES.flatten(1), LABELS], {}, r"shape \(3, 64\)"),
    "length": ([IMAGES, LABELS[:2]], {}, r"with labels of \(2,\)"),
    "scalar": ([IMAGES, LABELS[0]], {}, r"with labels of \(\)"),
    "scalars": ([IMAGES[0, 0, 0, 0], LABELS[0]], {}, r"shape \(\)"),
    "empty": ([IMAGES[:0], LABELS[:0]], {}, "holds no images"),
    "nan": ([IMAGES.clone().fill_(torch.nan), LABELS], {}, "NaN or infinite"),
    "infinite": ([IMAGES.clone().fill_(torch.inf), LABELS], {}, "pixels reach from inf"),
    "integers": (
        [torch.ones(3, 1, 8, 8, dtype=torch.int32), LABELS],
        {},
        "torch.int32 images; wanted is uint8 .*--space bytes",
    ),
    "bytes": ([IMAGES.to(torch.uint8), LABELS], {"space": "normalised"}, "torch.uint8 images"),
    "label": ([IMAGES, LABELS + 1], {"ipc": 1}, r"labels must lie in 0\.\.2, found 1\.\.3"),
    "negative": ([IMAGES, LABELS - 1], {"ipc": 1}, r"found -1\.\.1"),
    "fraction": ([IMAGES, LABELS + 0.5], {}, "labels are not whole numbers"),
    "logits": ([IMAGES, torch.tensor([[3.0, 1, 0]] * 3)], {"ipc": 2}, r"soft labels must be probabilities .*--labels"),
    "classes": ([IMAGES, torch.full((3, 4), 0.25)], {"ipc": 2}, "soft labels must be probabilities over 3"),
    "missing": ([IMAGES, torch.tensor([0, 0, 1])], {"ipc": 1}, "no image for class class 2"),
    "unequal": ([IMAGES, torch.tensor([0, 0, 1])], {}, "0 to 2 images of a class of toy; say with --ipc"),
    "counted from 1": ([IMAGES, LABELS + 1], {}, "they count from 1, save labels - 1"),
    "labels": (
        [IMAGES.repeat(2, 1, 1, 1), torch.cat([LABELS, LABELS + 3])],
        {"ipc": 1},
        r"labels must lie in 0\.\.2, found 0\.\.5$",  # a larger budget would not help
    ),
    "budget": ([IMAGES.repeat(2, 1, 1, 1), LABELS.repeat(2)], {"ipc": 1}, "over budget: .*; --ipc 2 is the least"),
    "dataset": ({"images": IMAGES, "labels": LABELS, "facts": '{"dataset": "mnist"}'}, {}, "of mnist, not of toy"),
    "no such dataset": ([IMAGES, LABELS], {"dataset": "tay"}, "no dataset is called 'tay'; did you mean 'toy'"),
    "name": ([IMAGES, LABELS], {"name": "a b"}, "--name takes letters, digits"),
    "no name": ([IMAGES, LABELS], {"name": ""}, "--name takes letters, digits"),
    "name of dots": ([IMAGES, LABELS], {"name": ".."}, "--name takes letters, digits"),
    "a method's name": ([IMAGES, LABELS], {"name": "m3d"}, "--name m3d: a method is called that"),
    "folders": ([IMAGES, LABELS], {"folders": "names"}, "--folders names goes with a folder of images"),
    "text": ([IMAGES, LABELS], {"file": Path("x.txt")}, r"x\.txt is of no format that can be imported"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_line_and_nothing_is_written(bench: Bench, case: str) -> None:
    held, options, message = WRONG[case]
    with pytest.raises(RequestError, match=message) as caught:
        bench(held, **options)
    assert "\n" not in str(caught.value)
    assert not bench.store.root.exists()


def test_another_set_of_the_same_name_is_refused_unless_it_is_to_replace_the_first(bench: Bench) -> None:
    cell = bench([IMAGES, LABELS]).cell
    trials = [made_trial(cell), made_trial(bench(name="other").cell)]
    files = [bench.store.evaluation(trial, range(1)) for trial in trials]
    for trial, path in zip(trials, files, strict=True):
        write_evaluation(path, StoredEvaluation(trial, range(1), {"pixel": (1.0,)}, {}))
    with pytest.raises(RequestError, match=r"toy ipc 1 theirs replicate 0 is in .* already; take another --name"):
        bench([IMAGES / 2, LABELS])
    assert files[0].exists()
    done = bench(overwrite=True)
    assert done.dropped == (files[0],), "numbers of the set that is gone"
    assert [path.exists() for path in files] == [False, True]
    assert torch.equal(read_condensed(done.path).condensed.images, IMAGES / 2)


def test_evaluations_whose_set_is_gone_are_dropped_only_if_that_is_asked_for(bench: Bench) -> None:
    done = bench([IMAGES, LABELS])
    trial = made_trial(done.cell)
    file = bench.store.evaluation(trial, range(1))
    write_evaluation(file, StoredEvaluation(trial, range(1), {"pixel": (1.0,)}, {}))
    done.path.unlink()
    with pytest.raises(
        RequestError, match=r"theirs replicate 0 is not in .*, but what was measured on a set of this name"
    ):
        bench()
    assert file.exists()
    assert bench(overwrite=True).dropped == (file,)


def test_what_a_run_measured_on_the_former_set_while_the_new_one_was_written_goes_too(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = made_trial(bench([IMAGES, LABELS]).cell)
    file = bench.store.evaluation(trial, range(1))

    def slow(path: Path, record: StoredSet) -> None:
        write_evaluation(file, StoredEvaluation(trial, range(1), {"pixel": (1.0,)}, {}))
        write_condensed(path, record)

    monkeypatch.setattr(sets, "write_condensed", slow)
    assert bench(overwrite=True).dropped == (file,)
    assert not file.exists()


def test_an_import_clears_the_failure_of_a_run_that_looked_for_it(bench: Bench) -> None:
    job = CondenseJob(cell=bench([IMAGES, LABELS]).cell)
    path = bench.store.keep_failure(job, Failure("RequestError", "not imported"))
    bench(overwrite=True)
    assert not path.exists()


def test_reference_rows_are_exported_only_when_they_are_named(bench: Bench, tmp_path: Path) -> None:
    cell = bench([IMAGES, LABELS]).cell
    reference = altered(cell, method={"budget_exempt": True, "revision": 9})
    everything = CondensedSet(torch.arange(60) % 3, None, torch.arange(60))
    write_condensed(bench.store.condensed(reference), StoredSet(reference, everything, {}))
    sources = Sources(bench.registry, bench.data)
    assert len(export_sets(bench.store, tmp_path / "all", "pt", sources)) == 1
    (path,) = export_sets(bench.store, tmp_path / "one", "pt", sources, [bench.store.files(reference)])
    assert len(torch_file.read(path, 0).images) == 60


def test_a_selection_whose_data_changed_is_refused(bench: Bench, tmp_path: Path) -> None:
    cell = bench([IMAGES, LABELS]).cell
    other = replace(read_condensed(bench.store.condensed(cell)), condensed=CondensedSet(LABELS, None, LABELS))
    changed = altered(cell, dataset={"train": "00"})
    write_condensed(bench.store.condensed(changed), replace(other, cell=changed, facts={}))
    with pytest.raises(RequestError, match="the training data of toy changed"):
        export_sets(bench.store, tmp_path, "pt", Sources(bench.registry, bench.data), [bench.store.files(changed)])
