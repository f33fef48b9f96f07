"""The plug-in that checks are about, found and loaded as the bench does it, and not before a check asks for it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from dcbench.api.records import DatasetRecord
from dcbench.engine.factories import change_settings
from dcbench.engine.plan.request import default_data_folder
from dcbench.engine.registry import Found, Registry, Source, load_registry
from dcbench.engine.selectors import Selector, parse_selector
from dcbench.testing.made_up import NAME

if TYPE_CHECKING:
    from dcbench.testing.promises import Outcome, Promise


class Subject:
    """A plug-in by name. Each kind has a subclass that can do with it what the bench does."""

    group: ClassVar[str]
    """As the registry calls it, such as ``methods``."""
    base: ClassVar[type]
    """What its class must derive from."""

    def __init__(self, text: str, data: Path | None = None) -> None:
        """Remember what was chosen: *text* such as ``m3d[lr=1]``, with datasets below *data*."""
        self._text = text
        self.data = data or default_data_folder()
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
        record = DatasetRecord(name=NAME, summary="for checks", target="dcbench.testing.made_up:MadeUp")
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
