from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import SkipTest

import pytest
from support.toys import install_package

from dcbench.testing import ContractBroken, contract

Told = dict[str, str]


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder in which the broken plug-ins are installed, for one test module."""
    folder = install_broken(tmp_path_factory.mktemp("broken"))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield folder


def install_broken(folder: Path) -> Path:
    shutil.copytree(Path(__file__).parents[1] / "broken_plugins", folder / "broken_plugins")
    return install_package(folder, "dcbench-broken", {"broken": "broken_plugins.plugin"}, {})


@pytest.fixture
def ask(broken: Path) -> Callable[..., tuple[Told, Told]]:
    """Ask a whole contract; return what failed and what was skipped, each with its text."""

    def ask(kind, name, **options):
        failed, skipped = {}, {}
        for check in contract(kind, name, **options):
            try:
                check()
            except ContractBroken as error:
                failed[str(check)] = str(error)
            except SkipTest as error:
                skipped[str(check)] = str(error)
        return failed, skipped

    return ask
