"""Which commit of dcbench runs here, where it runs from a Git checkout; a version alone does not tell."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

import dcbench

_LONGEST = 5.0  # seconds; a file system that hangs must not hold a job


@cache
def commit(root: Path | None = None) -> str:
    """Return the commit of the checkout, with ``-dirty`` where tracked files differ from it.

    Args:
        root: the folder that would hold ``.git``; that of this package unless given.

    Returns:
        40 hexadecimal digits, or an empty text: it is not a checkout, or git does not say.
    """
    root = root or Path(dcbench.__file__).parents[1]
    if not (root / ".git").exists():  # a file in a worktree
        return ""
    # Variables such as GIT_DIR, which hooks of git set, would lead to another repository.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "--no-optional-locks", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        ended = subprocess.run(
            command, cwd=root, env=clean, stdin=subprocess.DEVNULL, capture_output=True, timeout=_LONGEST, check=True
        )
    except (OSError, subprocess.SubprocessError):  # no git, no commit yet, or a checkout of another user
        return ""
    return ended.stdout.decode(errors="replace").strip()
