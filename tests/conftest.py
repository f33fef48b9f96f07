"""What every test gets: caches of its own, one thread, and on demand the toy plug-ins."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from support.toys import install_toys

os.environ["OMP_NUM_THREADS"] = "1"
import torch  # it reads the variable once; a run would warn of it

del os.environ["OMP_NUM_THREADS"]

# How long an example takes depends on what else the machine does.
settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--gpu``."""
    parser.addoption("--gpu", action="store_true", help="let the tests see the GPUs of this machine")


def pytest_configure(config: pytest.Config) -> None:
    """Hide GPUs unless they are asked for, from the processes that tests start too.

    A developer's GPU would change what is tested: devices are found, steps are captured, numbers differ. CUDA reads the
    variable when it is first used, which is later than this.
    """
    if not config.getoption("--gpu"):
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what needs a GPU where none is there or none was asked for."""
    if not torch.cuda.is_available():
        skip = pytest.mark.skip(reason="needs a GPU and --gpu")
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(skip)


@pytest.fixture(autouse=True, scope="session")
def cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep the user's caches out of the tests, and the tests out of the user's caches."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DCBENCH_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def toy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the toy plug-in package; on PYTHONPATH it is installed."""
    return install_toys(tmp_path_factory.mktemp("toys"))


@pytest.fixture(scope="module")
def toys(toy_folder: Path) -> Iterator[Path]:
    """Install the toy plug-ins for one test module, in this process and in those that it starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(toy_folder))
        patch.setenv("PYTHONPATH", str(toy_folder), prepend=os.pathsep)
        yield toy_folder
