"""Virtual environments for packages that a test installs: no network, and nothing gets into the running one."""

from __future__ import annotations

import subprocess
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

_SECONDS = 200  # after which a command is killed, so that one that hangs fails a test and not the run


@dataclass(frozen=True)
class Environment:
    """A virtual environment that sees what is installed in the running one, dcbench among it."""

    folder: Path

    @classmethod
    def create(cls, folder: Path) -> Environment:
        """Make one in the new *folder*."""
        venv.EnvBuilder(symlinks=True).create(folder)
        own = sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)})
        # addsitedir rather than the path alone: an editable install of dcbench is a .pth file in that folder.
        seen = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
        Path(own, "running.pth").write_text("".join(f"import site; site.addsitedir({path!r})\n" for path in seen))
        return cls(folder)

    def python(self, *arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run Python with *arguments* in the folder *cwd*."""
        call = [str(self.folder / "bin" / "python"), *map(str, arguments)]
        return subprocess.run(call, cwd=cwd, capture_output=True, text=True, check=False, timeout=_SECONDS)

    def checked(self, *arguments: str | Path, cwd: Path) -> str:
        """Run Python with *arguments* in the folder *cwd*, and return what it prints.

        Raises:
            AssertionError: it failed.
        """
        done = self.python(*arguments, cwd=cwd)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    def install(self, *what: str | Path, cwd: Path) -> None:
        """Call ``pip install`` without a network; builds use the setuptools that is there."""
        self.checked("-m", "pip", "install", "--no-index", "--no-deps", "--no-build-isolation", *what, cwd=cwd)

    def uninstall(self, *names: str, cwd: Path) -> None:
        """Call ``pip uninstall``."""
        self.checked("-m", "pip", "uninstall", "--yes", *names, cwd=cwd)
