"""What a command is at, said on standard error where it takes longer than a moment."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dcbench.api.texts import printable
from dcbench.cli.terminal import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress

MOMENT = 0.5
"""Seconds that pass before a line is printed: the start of Python has taken a part of the first second."""
COUNTED = 1.0
"""Seconds that something goes on before a terminal shows how far it has come."""
LOGGED, AGAIN = 10.0, 30.0
"""Seconds that pass before a log gets the first line about that, and between such lines."""


class Notices:
    """Prints what is told to it once that has gone on for a moment; what ends sooner is never printed."""

    def __init__(self, tell: Callable[[str], None], *, live: bool = False) -> None:
        """Print with *tell*, which is called from another thread; *live* shows how far it has come in one line."""
        self._tell = tell
        self._timer: threading.Timer | None = None
        self._count = _LiveCount() if live else _PlainCount(tell)

    def __call__(self, text: str, /, done: int = 0, total: int = 0) -> None:
        """Say that *text* begins, and that what was told before has ended; with *total*, how far it has come."""
        if total:
            self._count.move(text, done, total)
            return
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
        self._count.end()


class _PlainCount:
    """Prints a line from time to time."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell, self._next = tell, 0.0

    def move(self, text: str, done: int, total: int) -> None:
        now = time.monotonic()
        self._next = self._next or now + LOGGED
        if now >= self._next:
            self._next = now + AGAIN
            self._tell(how_far(text, done, total))

    def end(self) -> None:
        self._next = 0.0


class _LiveCount:
    """Keeps one line with a bar on a terminal, and removes it at the end."""

    def __init__(self) -> None:
        self._begun = 0.0
        self._bar: Progress | None = None

    def move(self, text: str, done: int, total: int) -> None:
        now = time.monotonic()
        self._begun = self._begun or now
        if now < self._begun + COUNTED:
            return
        if self._bar is None:
            self._bar = _bar()
            self._bar.add_task(how_far(text, done, total), total=total)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], description=how_far(text, done, total), completed=done)
        if done >= total:
            self.end()

    def end(self) -> None:
        if self._bar is not None:
            self._bar.stop()
        self._begun, self._bar = 0.0, None


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=10), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=2)


def how_far(text: str, done: int, total: int) -> str:
    """Return that *done* of *total* images are done of what *text* says."""
    return printable(f"{text}: {done:,} of {total:,} images")


@contextmanager
def noticing() -> Iterator[Notices]:
    """Yield what is to be called with each thing that begins; one line each on standard error."""
    notices = Notices(lambda text: say(text, err=True), live=sys.stderr is not None and sys.stderr.isatty())
    try:
        yield notices
    finally:
        notices.stop()
