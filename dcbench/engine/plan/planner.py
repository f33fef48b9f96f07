"""From a request to a plan: every cell and trial by name, checked before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any

from dcbench.api.errors import RequestError
from dcbench.api.texts import plural
from dcbench.engine.data.fingerprints import fingerprint
from dcbench.engine.data.splits import validation_info
from dcbench.engine.data.standard import counted_info, other_data
from dcbench.engine.factories import blaming, change_settings, network_choice, settle_network
from dcbench.engine.identity import Arithmetic, Cell, DatasetSpec, EvaluatorSpec, MethodSpec, Trial
from dcbench.engine.progress import Announce, announce_nothing, announce_reading
from dcbench.engine.ranges import range_text
from dcbench.engine.selectors import Selector, canonical, parse_overrides, parse_selectors
from dcbench.engine.store.given import check_dataset_name
from dcbench.engine.store.names import file_name

if TYPE_CHECKING:
    from dcbench.api.data import Dataset, DatasetInfo
    from dcbench.api.method import Method
    from dcbench.api.protocol import Protocol
    from dcbench.engine.plan.request import Request
    from dcbench.engine.registry import Registry

_FILLED = {"protocol": "protocol", "network": "networks"}
"""Settings of evaluators that an option of the request fills, each with that option."""


@dataclass(frozen=True)
class PlannedTrial:
    """A trial and how many repeats of it are wanted."""

    trial: Trial
    repeats: int


@dataclass(frozen=True)
class PlannedCell:
    """A cell and the trials that measure it."""

    cell: Cell
    trials: tuple[PlannedTrial, ...]
    classes: range
    """All classes of the dataset."""
    part: range | None = None
    """The classes that this run condenses; None means all."""


@dataclass
class _Known:
    """A selected dataset with its description."""

    dataset: Dataset
    spec: DatasetSpec
    info: DatasetInfo


@dataclass
class Planner:
    """Turns one request into planned cells."""

    request: Request
    registry: Registry
    announce: Announce = announce_nothing
    """Called with what begins, where that may take seconds."""
    arithmetic: Arithmetic = field(default_factory=Arithmetic)
    """That of the device which the run is for."""
    overrides: dict[str, dict[str, str]] = field(init=False)
    _selectors: dict[str, list[Selector]] = field(init=False)
    remarks: list[str] = field(default_factory=list, init=False)
    """What a user must know of the data that was found, a line each."""

    def __post_init__(self) -> None:
        """Parse all selectors and overrides, and refuse an override of what is not selected."""
        request = self.request
        self.overrides = parse_overrides(request.overrides)
        texts = {"methods": request.methods, "datasets": request.datasets, "evaluators": request.evaluators}
        self._selectors = {group: parse_selectors(each) for group, each in texts.items()}
        chosen = {selector.name for selectors in self._selectors.values() for selector in selectors}
        for name in self.overrides:
            if name not in chosen:
                raise RequestError(
                    f"--set {name}.…: nothing called {name!r} is selected. Selected: {', '.join(sorted(chosen))}."
                )

    def cells(self) -> list[PlannedCell]:
        """Return every cell of the grid: dataset by dataset, IPC by IPC, method by method, replicate by replicate.

        Raises:
            RequestError: the first thing that is wrong with the request.
        """
        methods = self._chosen("methods")
        evaluators = self._chosen("evaluators")
        self._refuse_untaken(evaluators)
        datasets = [self._dataset(selector) for selector in self._chosen("datasets")]
        self._refuse_shared_names(datasets)
        return [
            planned
            for known, ipc in product(datasets, self.request.ipc)
            for selector in methods
            for planned in self._column(known, ipc, selector, evaluators)
        ]

    def _chosen(self, group: str) -> list[Selector]:
        """Return the selectors of *group* with the overrides applied, each label once."""
        selectors = self._selectors[group]
        if not selectors:
            raise RequestError(f"no {group} are selected")
        for selector in selectors:
            record = self.registry.find(group, selector.name).record
            argument = getattr(record, "argument", "")
            if bool(selector.argument) != bool(argument):
                wanted = f"{selector.name}:{argument}" if argument else selector.name
                raise RequestError(f"{group[:-1]} {selector.label!r}: write {wanted}")
        final = [selector.over(self.overrides.get(selector.name, {})) for selector in selectors]
        return list({selector.label: selector for selector in final}.values())

    def _refuse_untaken(self, evaluators: list[Selector]) -> None:
        """Refuse protocols or networks that no evaluator would use."""
        for name, option in _FILLED.items():
            values = self._values(name)
            if values and not any(self._takes(selector, name, values) for selector in evaluators):
                own = [selector.label for selector in evaluators if name in selector.settings]
                reason = f"{own[0]} has one of its own" if own else f"no selected evaluator has a setting {name!r}"
                raise RequestError(f"--{option} {','.join(values)} would change nothing: {reason}")

    def _takes(self, selector: Selector, name: str, values: tuple[str, ...]) -> bool:
        if name in selector.settings:
            return (canonical(selector.settings[name]),) == values
        return name in self.registry.resolve("evaluators", selector.name).Settings.model_fields

    def _values(self, name: str) -> tuple[str, ...]:
        """Return what the request says of the setting *name* of evaluators, each value once."""
        return tuple(dict.fromkeys(map(canonical, getattr(self.request, _FILLED[name]))))

    def _dataset(self, selector: Selector) -> _Known:
        target = self.registry.resolve("datasets", selector.name)
        settings = change_settings(target.Settings(), selector.settings, selector.name)
        found = self.registry.find("datasets", selector.name)
        self.announce(f"reading {selector.label}; the first time takes longest, and is remembered")
        with blaming("datasets", selector.name, found.source.package):
            dataset: Dataset = target(self.request.data, selector.argument, settings)
            announce_reading(dataset, self.announce, selector.label)
            info = dataset.info()
            train, test = fingerprint(dataset, "train"), fingerprint(dataset, "test")
            other = other_data(found.record, dataset)
            info = counted_info(dataset, info) if other else info
            remarks = [" ".join(line.split()) for line in dataset.remarks()]
        check_dataset_name(info.name)
        if info.classes < 2:
            raise RequestError(f"{info.name} has a single class, {info.class_names[0]}: there is nothing to tell apart")
        self._check_part(info)
        if self.request.split == "validation":
            info = validation_info(info)
        spec = DatasetSpec(
            record=selector.name,
            argument=dataset.argument,
            settings=settings.model_dump(mode="json"),
            selector=replace(selector, argument=dataset.argument).label,
            name=info.name,
            train=train,
            test=test,
            mean=info.mean,
            std=info.std,
            mirror_ok=info.mirror_ok,
            class_names=info.class_names,
            train_images=sum(info.train_counts),
            train_counts=info.train_counts,
            test_counts=info.test_counts,
            other_data=other,
        )
        if other:
            self.remarks.append(f"{spec.title}: {other}; no published number is shown next to it")
        self.remarks += [f"{spec.title}: {line}" for line in remarks]
        return _Known(dataset, spec, info)

    def _check_part(self, info: DatasetInfo) -> None:
        part = self.request.classes
        if part is not None and part.stop > info.classes:
            raise RequestError(
                f"--classes {range_text(part)} goes beyond the classes of {info.name}, 0-{info.classes - 1}"
            )

    @staticmethod
    def _refuse_shared_names(datasets: list[_Known]) -> None:
        folders: dict[str, str] = {}
        for name in (known.spec.name for known in datasets):
            folder = file_name(name).casefold()  # some file systems do not tell upper case from lower
            if folder in folders:
                same = name == folders[folder]
                both = (
                    f"two datasets are called {name!r}" if same else f"{folders[folder]!r} and {name!r} share a folder"
                )
                raise RequestError(f"{both}; give one another name: folder:PATH[name=...]")
            folders[folder] = name

    def _column(self, known: _Known, ipc: int, selector: Selector, evaluators: list[Selector]) -> Iterator[PlannedCell]:
        """Yield the cells of one method at one dataset and IPC: one per replicate."""
        method = self._method(known.info, ipc, selector)
        wanted = [
            (spec, repeats)
            for evaluator in evaluators
            for spec, repeats in self._evaluators(known.info, ipc, method.factor, evaluator)
        ]
        steps = (None, *(self._snapshot_steps(method) if self.request.snapshots else ()))
        for replicate in self._replicates(known.info, selector):
            cell = Cell(dataset=known.spec, method=method, ipc=ipc, replicate=replicate, split=self.request.split)
            trials = tuple(
                PlannedTrial(Trial(cell=cell, evaluator=spec, step=step), repeats)
                for (spec, repeats), step in product(wanted, steps)
            )
            yield PlannedCell(cell, trials, range(known.info.classes), self.request.classes)

    def _replicates(self, info: DatasetInfo, selector: Selector) -> Sequence[int]:
        """Return the replicates that were asked for, or else those of the dataset; one where no more are of use."""
        one = self.request.smoke or self.registry.find("methods", selector.name).record.import_only
        return self.request.seeds or range(1 if one else info.default_replicates)

    def _method(self, info: DatasetInfo, ipc: int, selector: Selector) -> MethodSpec:
        found = self.registry.find("methods", selector.name)
        record, package = found.record, found.source.package
        method = self.registry.resolve("methods", selector.name)()
        if self.request.classes is not None and not method.by_class:
            raise RequestError(f"{selector.name} cannot be condensed in parts; run it without --classes")
        smallest = min(info.train_counts)
        if ipc > smallest and not record.budget_exempt:
            raise RequestError(
                f"--ipc {ipc} is more than the {plural(smallest, 'training image')} of the smallest class of "
                f"{info.name}"
            )
        with blaming("methods", selector.name, package):
            recommended = method.settings_for(info, ipc)
        settings = change_settings(recommended, selector.settings, selector.name)
        if self.request.smoke:
            settings = _shortened(settings)
        # The recommended network need not be written in the one form that it gets below.
        overrides = _overrides(settings.model_dump(mode="json"), recommended.model_dump(mode="json"))
        with blaming("methods", selector.name, package):
            settings, network_revision = settle_network(self.registry, settings, info)
            method.validate(info, ipc, settings)
            factor, side = method.factor(settings), min(info.shape[1:])
        if not 1 <= factor <= side:
            raise RequestError(
                f"{selector.label}: factor {factor}; an image of {side} px has 1 to {side} tiles per side"
            )
        return MethodSpec(
            record=selector.name,
            label=method.label(settings) or selector.label,
            selector=selector.label,
            revision=method.revision,
            settings=settings.model_dump(mode="json"),
            digest_settings=settings.digest_form(),
            network_revision=network_revision,
            arithmetic="float32" if method.exact else self.arithmetic.condensing,
            factor=factor,
            budget_exempt=record.budget_exempt,
            overrides=overrides,
        )

    def _snapshot_steps(self, spec: MethodSpec) -> tuple[int, ...]:
        method: Method = self.registry.resolve("methods", spec.record)()
        with blaming("methods", spec.record, self.registry.find("methods", spec.record).source.package):
            return method.snapshot_steps(method.Settings(**spec.settings))

    def _evaluators(
        self, info: DatasetInfo, ipc: int, factor: int, selector: Selector
    ) -> Iterator[tuple[EvaluatorSpec, int]]:
        """Yield the evaluator once for every protocol and network asked for, with the number of repeats."""
        evaluator = self.registry.resolve("evaluators", selector.name)()
        package = self.registry.find("evaluators", selector.name).source.package
        fields = type(evaluator.Settings()).model_fields
        axes: list[list[dict[str, str]]] = [
            self._axis(fields, "protocol", self._values("protocol") or (info.default_protocol,), selector),
            self._axis(fields, "network", self._values("network") or (info.default_network,), selector),
        ]
        for protocol, network in product(*axes):
            settings = change_settings(
                evaluator.Settings(), {**protocol, **network, **selector.settings}, selector.name
            )
            with blaming("evaluators", selector.name, package):
                settings, network_revision = settle_network(self.registry, settings, info)
                evaluator.validate(info, ipc, settings)
            recipe = self._recipe(settings, info, ipc, factor) if "protocol" in fields else None
            yield (
                EvaluatorSpec(
                    record=selector.name,
                    label=selector.label,
                    revision=evaluator.revision,
                    metric=evaluator.metric,
                    unit=evaluator.unit,
                    settings=settings.model_dump(mode="json"),
                    digest_settings=settings.digest_form(),
                    network_revision=network_revision,
                    arithmetic="float32" if evaluator.exact else self.arithmetic.evaluating,
                    recipe=None if recipe is None else recipe.model_dump(mode="json"),
                    digest_recipe=None if recipe is None else recipe.key_form(),
                ),
                1 if self.request.smoke else self.request.repeats or (recipe.repeats if recipe else 1),
            )

    @staticmethod
    def _axis(fields: Any, name: str, values: tuple[str, ...], selector: Selector) -> list[dict[str, str]]:
        if name not in fields or name in selector.settings:
            return [{}]
        return [{name: value} if value else {} for value in values]

    def _recipe(self, settings: Any, info: DatasetInfo, ipc: int, factor: int) -> Any:
        """Return the recipe of the protocol that *settings* of an evaluator name, for the network that they name."""
        name = settings.protocol
        protocol: Protocol = self.registry.resolve("protocols", name)()
        network = network_choice(self.registry, settings)
        with blaming("protocols", name, self.registry.find("protocols", name).source.package):
            if network is None:
                recipe = protocol.recipe(info, ipc, factor)
            else:
                recipe = protocol.recipe_on(network, info, ipc, factor)
        if self.request.smoke:
            recipe = recipe.changed({"epochs": 1, "milestones": (), "best_of": ()})
        return recipe


def _overrides(settings: dict[str, Any], recommended: dict[str, Any]) -> dict[str, Any]:
    """Return the recommended value of each setting that has another one."""
    return {name: value for name, value in recommended.items() if settings[name] != value}


def _shortened(settings: Any) -> Any:
    """Return *settings* with one step and one epoch, to find mistakes before hours are spent."""
    long = [name for name in ("iterations", "epochs") if name in type(settings).model_fields]
    return settings.changed({name: min(1, getattr(settings, name)) for name in long})
