"""An object that shows that it was unpickled."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


class Evil:
    """Makes a folder when it is unpickled."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.victim),)
