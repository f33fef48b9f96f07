"""Jobs side by side on a CPU, each on a thread of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Event
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Stopped(Exception):  # noqa: N818  (not an error: nobody sees it)
    """Raised by a job that found *stop* set, to end early."""


def run_in_threads(jobs: Sequence[Callable[[Event], None]], at_once: int) -> None:
    """Do *jobs*, each with one intra-op thread; torch lets other threads of Python run during an operation.

    Args:
        jobs: called with an event. Once that is set a job should end soon, by raising `Stopped`.
        at_once: how many to do at the same time.

    Raises:
        BaseException: the first that a job raises; the others are stopped before.
    """
    before, stop = torch.get_num_threads(), Event()
    try:
        with ThreadPoolExecutor(at_once, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            running = [pool.submit(job, stop) for job in jobs]
            try:
                for done in as_completed(running):
                    done.result()
            except BaseException:
                stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    finally:
        # The number is kept for each thread, but new threads start with the one that was set last.
        torch.set_num_threads(before)
