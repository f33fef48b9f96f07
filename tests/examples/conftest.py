from __future__ import annotations

from pathlib import Path

import pytest
from support.environments import Environment


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment that packages are installed into; each module of tests removes its own."""
    return Environment.create(tmp_path_factory.mktemp("environment") / "venv")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder where a stranger works."""
    return tmp_path_factory.mktemp("home")
