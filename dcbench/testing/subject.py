"""The plug-in that checks are about: found, loaded and planned as the bench does it, when a check first needs that."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from unittest import SkipTest

from dcbench.api.errors import DcbenchError, RequestError
from dcbench.api.folders import data_folder
from dcbench.api.records import DatasetRecord
from dcbench.engine.factories import change_settings
from dcbench.engine.plan.planner import PlannedCell, Planner
from dcbench.engine.plan.request import Request
from dcbench.engine.registry import Found, Registry, Source, load_registry
from dcbench.engine.selectors import Selector, parse_selector
from dcbench.testing.promises import ContractBroken
from dcbench.testing.synthetic_data import NAME, Situation

if TYPE_CHECKING:
    from dcbench.testing.promises import Outcome, Promise


class Subject:
    """A plug-in by name. Each group has a subclass that does with it what the bench does."""

    group: ClassVar[str]
    """As the registry calls it, such as ``methods``."""
    base: ClassVar[type]
    """What its class must derive from."""

    def __init__(self, text: str, data: Path | None = None) -> None:
        """Remember what was chosen: *text* such as ``m3d[lr=1]``, with datasets below *data*."""
        self._text = text
        self.data = data or data_folder()
        self.outcomes: dict[Promise, Outcome] = {}
        """What is known of it, so that nothing is asked twice."""

    @cached_property
    def selector(self) -> Selector:
        """The plug-in and the settings chosen for it."""
        return parse_selector(self._text)

    @cached_property
    def registry(self) -> Registry:
        """Every installed plug-in, and the made-up dataset."""
        registry = load_registry()
        record = DatasetRecord(
            name=NAME, summary="for checks", target="dcbench.testing.synthetic_data:SyntheticDataset"
        )
        registry.found.append(Found("datasets", record, Source("dcbench", "", "", "dcbench.testing")))
        return registry

    @property
    def target(self) -> Any:
        """The plug-in's class."""
        return self.registry.resolve(self.group, self.selector.name)

    @property
    def settings(self) -> Any:
        """The default settings with those chosen."""
        return change_settings(self.target.Settings(), self.selector.settings, self.selector.name)


LONG = ("iterations", "epochs")
"""Settings that say how long a plug-in works."""

_SIZES = (8, 16, 32)  # the first that a plug-in takes; its network may need larger images
_STEPS = 12  # in the usual situation: enough for a snapshot after ten, and to be interrupted midway


class PlannedSubject(Subject):
    """A plug-in that works on made-up data."""

    @abstractmethod
    def plan(self, situation: Situation) -> PlannedCell:
        """Return what a run would do with the plug-in in *situation*.

        Raises:
            RequestError: it is refused; the cause is what the plug-in raised.
        """

    @cached_property
    def usual_situation(self) -> Situation:
        """Grey images of the smallest size that the plug-in takes."""
        for size in _SIZES[:-1]:
            situation = Situation(size=size, steps=_STEPS)
            with suppress(SkipTest):
                self.planned(situation)
                return situation
        return Situation(size=_SIZES[-1], steps=_STEPS)

    def planned(self, situation: Situation) -> PlannedCell:
        """Return what `plan` returns.

        Raises:
            unittest.SkipTest: the plug-in refuses *situation*, as it may.
            ContractBroken: it fails while it is asked.
        """
        try:
            return self.plan(situation)
        except RequestError as error:
            if isinstance(error.__cause__, DcbenchError):
                raise SkipTest(f"it refuses {situation}: {error}") from error
            raise ContractBroken(f"planning fails for {situation}: {error}") from error

    def request(self, situation: Situation, **options: Any) -> PlannedCell:
        """Return what a run of one cell in *situation* would do; *options* are those of `Request`."""
        options |= {"datasets": (situation.dataset,), "ipc": (situation.ipc,), "seeds": (situation.replicate,)}
        (planned,) = Planner(Request(**options), self.registry).cells()
        return planned

    def shortened(self, settings: Any, steps: int) -> str:
        """Return the selector with at most *steps* steps and epochs over *settings*, unless it names them itself."""
        long = [name for name in LONG if name in type(settings).model_fields]
        return self.selector.over({name: str(min(steps, getattr(settings, name))) for name in long}).label
