"""What a command is at, said on standard error where it takes longer than a moment."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dcbench.cli.terminal import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOMENT = 0.5
"""Seconds that pass before a line is printed: the start of Python has taken a part of the first second."""


class Notices:
    """Prints what is told to it once that has gone on for a moment; what ends sooner is never printed."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        """Print with *tell*, which is called from another thread."""
        self._tell = tell
        self._timer: threading.Timer | None = None

    def __call__(self, text: str) -> None:
        """Say that *text* begins, and that what was told before has ended."""
        self.stop()
        self._timer = threading.Timer(MOMENT, self._tell, [text])
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        """Say that what was told last has ended; afterwards nothing of it is printed."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()
            self._timer = None


@contextmanager
def noticing() -> Iterator[Notices]:
    """Yield what is to be called with each thing that begins; one line each on standard error."""
    notices = Notices(lambda text: say(text, err=True))
    try:
        yield notices
    finally:
        notices.stop()
