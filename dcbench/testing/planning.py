"""Plug-ins that are asked to work on made-up data, planned by the engine's own planner."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import suppress
from functools import cached_property
from typing import Any
from unittest import SkipTest

from dcbench.api.errors import DcbenchError, RequestError
from dcbench.engine.plan.planner import PlannedCell, Planner
from dcbench.engine.plan.request import Request
from dcbench.testing.made_up import Situation
from dcbench.testing.promises import ContractBroken
from dcbench.testing.subject import Subject

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
