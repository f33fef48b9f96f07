"""The contract of a method."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar
from unittest import SkipTest

import torch

from dcbench.api.condensed import PIXEL_RANGE, CondensedSet, plain_set
from dcbench.api.errors import InvalidCondensedSetError
from dcbench.api.method import Method
from dcbench.api.settings import Origin
from dcbench.engine.factories import blaming, make_network
from dcbench.engine.plan.planner import PlannedCell
from dcbench.engine.ranges import range_text
from dcbench.testing import common
from dcbench.testing.common import loads
from dcbench.testing.condensing import Condensed, Interrupted, condense, difference
from dcbench.testing.promises import ContractBroken, promise
from dcbench.testing.side_effects import preserved, process_promises, stir_generators
from dcbench.testing.subject import LONG, PlannedSubject
from dcbench.testing.synthetic_data import Situation

_ROUNDING = 1e-3  # a quarter of a grey level: batches of another size are summed in another order
_RECOMMENDED_FOR = (
    Situation(),
    Situation(channels=3, size=32, ipc=10),
    Situation(channels=3, size=224, smallest=2, largest=2, ipc=1),
)


class Subject(PlannedSubject):
    """A method, and the sets it has condensed for earlier checks."""

    group: ClassVar[str] = "methods"
    base: ClassVar[type] = Method

    @property
    def budget_exempt(self) -> bool:
        """Whether the method is a reference row, to which the budget does not apply."""
        return bool(self.registry.find("methods", self.selector.name).record.budget_exempt)

    @cached_property
    def usual(self) -> Condensed:
        """The set that most checks look at."""
        return self.condense(self.usual_situation)

    @cached_property
    def again(self) -> Condensed:
        """The same cell condensed a second time, after others have drawn from the global generators."""
        return self.condense(self.usual_situation, stirred=True)

    def plan(self, situation: Situation) -> PlannedCell:
        """See `PlannedSubject.plan`."""
        found = self.registry.find("methods", self.selector.name)
        with blaming("methods", self.selector.name, found.source.package):
            recommended = self.target().settings_for(situation.info(), situation.ipc)
        return self.request(situation, methods=(self.shortened(recommended, situation.steps),))

    def condense(self, situation: Situation, *, stirred: bool = False, **options: Any) -> Condensed:
        """Condense in *situation*, with the global generators *stirred* or not.

        Args:
            situation: what to condense.
            stirred: bring the global generators into another state first.
            options: those of `dcbench.testing.condensing.condense`.
        """
        cell = self.planned(situation).cell
        with preserved():
            if stirred:
                stir_generators()
            return condense(self.registry, cell, **options)


@promise(common.settings_have_defaults)
def recommends_its_own_settings(subject: Subject) -> None:
    """settings_for gives an instance of its Settings for any images and IPC, with a network that exists."""
    for situation in _RECOMMENDED_FOR:
        method = subject.target()
        recommended = method.settings_for(situation.info(), situation.ipc)
        if type(recommended) is not method.Settings:
            raise ContractBroken(
                f"settings_for gives a {type(recommended).__name__} for {situation}, not its {method.Settings.__name__}"
            )
        network = getattr(recommended, "network", None)
        if isinstance(network, str):
            make_network(subject.registry, network)


@promise(recommends_its_own_settings)
def names_origins_of_real_settings(subject: Subject) -> None:
    """origins_for gives an Origin for settings that there are."""
    fields = subject.target.Settings.model_fields
    for situation in _RECOMMENDED_FOR:
        for name, origin in subject.target().origins_for(situation.info(), situation.ipc).items():
            if name not in fields:
                raise ContractBroken(f"origins_for names {name!r}; there are: {', '.join(fields) or 'no settings'}")
            if not isinstance(origin, Origin):
                raise ContractBroken(f"origins_for gives {origin!r} for {name}, not a dcbench.Origin")


@promise(recommends_its_own_settings)
def condenses(subject: Subject) -> None:
    """It condenses a little grey data, planned and run as the bench does it, without an error."""
    made = subject.usual.returned
    if not isinstance(made, CondensedSet):
        raise ContractBroken(f"condense returns a {type(made).__name__}, not a dcbench.CondensedSet")


@promise(condenses)
def plain_tensors(subject: Subject) -> None:
    """The set is made of float32 pixels without gradients, on the CPU whatever the device of the task."""
    made = subject.usual.returned
    assert isinstance(made, CondensedSet)
    tensors = {"images": made.images, "labels": made.labels, "source_indices": made.source_indices}
    for name, tensor in tensors.items():
        if tensor is not None and (tensor.requires_grad or tensor.device.type != "cpu"):
            raise ContractBroken(
                f"{name} are on {tensor.device} or need gradients; CondensedSet.of_images sees to both"
            )
    if made.images is not None and made.images.dtype != torch.float32:
        raise ContractBroken(f"images are {made.images.dtype}, not float32; CondensedSet.of_images converts them")
    try:
        plain_set(made, copy=False)
    except InvalidCondensedSetError as error:
        raise ContractBroken(str(error)) from error


@promise(plain_tensors)
def labels(subject: Subject) -> None:
    """Shapes are those of the data, and there are images for every class and for no other."""
    made, info = subject.usual.set, subject.usual.info
    grey = None if made.images is None else torch.zeros_like(made.images)
    # Pixels and budget have checks of their own.
    replace(made, images=grey).check(info, subject.usual_situation.ipc, budget_exempt=True)


@promise(labels)
def budget(subject: Subject) -> None:
    """The set holds no more numbers than its IPC allows, unless it is a reference row: only so methods compare."""
    ipc = subject.usual_situation.ipc
    held, allowed = subject.usual.set.numbers(subject.usual.info), subject.usual.info.budget(ipc)
    if held > allowed and not subject.budget_exempt:
        raise ContractBroken(
            f"the set holds {held:,} numbers, {len(subject.usual.set)} images with their soft labels; "
            f"IPC {ipc} allows {allowed:,}"
        )


@promise(plain_tensors)
def finite_pixels(subject: Subject) -> None:
    """No pixel is NaN or infinite."""
    images = subject.usual.set.images
    if images is not None and not images.isfinite().all():
        raise ContractBroken(f"{int((~images.isfinite()).sum())} of {images.numel()} pixels are NaN or infinite")


@promise(finite_pixels)
def pixel_range(subject: Subject) -> None:
    """Pixels are kept in [0, 1], or a step outside of it: images are stored as they are seen, not normalised."""
    images = subject.usual.set.images
    low, high = PIXEL_RANGE
    if images is not None and not subject.usual.set.unbounded and (images.min() < low or images.max() > high):
        raise ContractBroken(
            f"pixels go from {float(images.min()):.3g} to {float(images.max()):.3g}, beyond {low} to {high}; "
            "map them back with mean and std if they are normalised, "
            "and say unbounded=True if they were learnt without bounds"
        )


_VALID = (labels, budget, finite_pixels, pixel_range)


@promise(*_VALID)
def same_seed_same_bits(subject: Subject) -> None:
    """The same cell condensed again gives the same bits, whatever was drawn from global generators in between."""
    found = difference(subject.usual.set, subject.again.set)
    if found:
        raise ContractBroken(f"{found}; draw from task.generator, or from generators seeded with task.seed")


@promise(same_seed_same_bits)
def another_seed_another_set(subject: Subject) -> None:
    """Another seed gives another set; one that makes no draws and selects images is skipped."""
    if difference(subject.usual.set, subject.condense(replace(subject.usual_situation, replicate=1)).set):
        return
    if subject.usual.set.source_indices is not None:
        raise SkipTest("it selects the same images under another seed: right only if it is meant to draw nothing")
    raise ContractBroken("two seeds give the same bits; draw from task.generator, or leave this check out")


@promise(*_VALID)
def training_data_untouched(subject: Subject) -> None:
    """task.train holds the same images and labels afterwards: other cells read the same memory map."""
    if subject.usual.spoilt:
        raise ContractBroken("task.train was changed in place; work on a copy, such as task.train.pixels(indices)")


@promise(*_VALID)
def three_channels(subject: Subject) -> None:
    """It condenses colour images."""
    _check_in(subject, channels=3)


@promise(*_VALID)
def nine_pixels(subject: Subject) -> None:
    """It condenses images whose side is odd, and no power of two."""
    _check_in(subject, size=9)


@promise(*_VALID)
def twenty_eight_pixels(subject: Subject) -> None:
    """It condenses images of the size of MNIST, which halving three times does not divide."""
    _check_in(subject, size=28)


@promise(*_VALID)
def one_image_per_class(subject: Subject) -> None:
    """It condenses to IPC 1, where a class has no spread."""
    _check_in(subject, ipc=1)


@promise(*_VALID)
def many_images_per_class(subject: Subject) -> None:
    """It condenses to IPC 10."""
    _check_in(subject, ipc=10)


@promise(*_VALID)
def classes_of_unequal_size(subject: Subject) -> None:
    """It condenses data whose first class has a third of the images of the others."""
    _check_in(subject, smallest=5, largest=15)


@promise(*_VALID)
def smallest_class_used_up(subject: Subject) -> None:
    """It condenses where the smallest class has no more images than the IPC."""
    _check_in(subject, smallest=3, ipc=3)


def _check_in(subject: Subject, **changes: int) -> None:
    """Condense in the usual situation with *changes*, in a few steps, and check the whole set."""
    situation = replace(subject.usual_situation, steps=Situation.steps, **changes)
    made = subject.condense(situation)
    try:
        made.set.check(made.info, situation.ipc, budget_exempt=subject.budget_exempt)
    except InvalidCondensedSetError as error:
        raise ContractBroken(f"with {situation}: {error}") from error


@promise(*_VALID)
def reports_progress(subject: Subject) -> None:
    """Progress goes up to its total, so that a progress bar can be drawn and a hang told from work."""
    reports = subject.usual.task.reports
    if not reports:
        if any(name in subject.target.Settings.model_fields for name in LONG):
            raise ContractBroken("task.progress(step, total) is never called")
        raise SkipTest("it never calls task.progress(step, total): right only if it never takes long")
    steps, totals = zip(*reports, strict=True)
    if list(steps) != sorted(steps):
        raise ContractBroken(f"the steps go backwards: {', '.join(map(str, steps[:20]))}")
    if steps[-1] != totals[-1]:
        raise ContractBroken(f"the last report is step {steps[-1]} of {totals[-1]}; the last step must be the total")


@promise(*_VALID)
def keeps_the_snapshots_it_announces(subject: Subject) -> None:
    """snapshot_steps names the steps whose snapshots are kept: a run plans their evaluations by it."""
    announced, kept = subject.usual.announced, tuple(sorted(subject.usual.task.recorder.snapshots))
    if announced != kept:
        raise ContractBroken(f"snapshot_steps gives {list(announced)}, task.snapshot was called at {list(kept)}")


@promise(*_VALID)
def says_its_factor(subject: Subject) -> None:
    """factor(settings) is that of the set: protocols train longer on fewer images."""
    said, made = subject.usual.factor, subject.usual.set.decoder.factor
    if said != made:
        raise ContractBroken(f"factor(settings) gives {said}, the set has {made} tiles per side")


@promise(*_VALID)
def checkpoints_hold_plain_values(subject: Subject) -> None:
    """A checkpoint holds tensors, numbers and texts under flat names; nothing else can be read back safely."""
    with tempfile.TemporaryDirectory() as folder:
        _interrupt(subject, Path(folder))


@promise(checkpoints_hold_plain_values, same_seed_same_bits)
def resumes_to_the_same_bits(subject: Subject) -> None:
    """A run that was killed after a checkpoint goes on from there, and ends in the same bits as one without a break."""
    with tempfile.TemporaryDirectory() as folder:
        written = _interrupt(subject, Path(folder))
        resumed = subject.condense(subject.usual_situation, results=Path(folder), stirred=True)
    if not resumed.task.asked:
        raise ContractBroken(
            "it offers checkpoints and never calls task.resume(), so that it starts from the beginning"
        )
    # A method may offer the checkpoint that it took up once more; if that was the first, counting tells nothing.
    whole = subject.usual.task.offered
    if written > 1 and resumed.task.offered >= whole:
        raise ContractBroken(
            f"it offers {resumed.task.offered} checkpoints after task.resume(), and {whole} in a run without a break: "
            "it starts from the beginning"
        )
    found = difference(subject.usual.set, resumed.set)
    if found:
        raise ContractBroken(f"{found}, compared with a run without a break; the state must hold the generator's too")


def _interrupt(subject: Subject, results: Path) -> int:
    """Condense until more than half of the checkpoints were offered, write that one, and return its number, from 1."""
    offered = subject.usual.task.offered
    if not offered:
        raise SkipTest("it never calls task.checkpoint(state): right only if it never takes long")
    number = offered // 2 + 1
    with suppress(Interrupted):
        subject.condense(subject.usual_situation, results=results, interrupt_after=number)
    return number


@promise(same_seed_same_bits)
def parts_equal_the_whole(subject: Subject) -> None:
    """If it says by_class, classes condensed alone get the images that they get among all, up to rounding."""
    if not subject.target.by_class:
        raise SkipTest("it does not say by_class, so its sets are made as a whole")
    for classes in (range(1), range(1, subject.usual.info.classes)):
        part = subject.condense(subject.usual_situation, part=classes).set
        found = difference(subject.usual.set.of_classes(classes), part, _ROUNDING)
        if found:
            raise ContractBroken(f"classes {range_text(classes)} condensed alone: {found}")


PROMISES = (
    loads,
    *common.PROMISES,
    recommends_its_own_settings,
    names_origins_of_real_settings,
    condenses,
    plain_tensors,
    *_VALID,
    same_seed_same_bits,
    another_seed_another_set,
    training_data_untouched,
    three_channels,
    nine_pixels,
    twenty_eight_pixels,
    one_image_per_class,
    many_images_per_class,
    classes_of_unequal_size,
    smallest_class_used_up,
    reports_progress,
    keeps_the_snapshots_it_announces,
    says_its_factor,
    checkpoints_hold_plain_values,
    resumes_to_the_same_bits,
    parts_equal_the_whole,
    *process_promises(*_VALID),
)
