"""Errors that a person can act on. Each becomes one line on the terminal; none shows a traceback unless asked for."""

from __future__ import annotations


class DcbenchError(Exception):
    """Base of every error that dcbench raises on purpose. Its text is complete: what was wrong and what to do."""


class RequestError(DcbenchError):
    """The request cannot be carried out as written: nothing was started, nothing was changed (exit code 2)."""


class MissingDataError(RequestError):
    """Data that a dataset needs is not there. The text says where it was looked for and how to get it."""


class UnreadableDataError(RequestError):
    """Data is there but cannot be used. The text names the file."""


class InvalidCondensedSetError(DcbenchError):
    """A condensed set breaks the contract: over budget, wrong labels, NaN, or pixels out of range."""


class OverBudgetError(InvalidCondensedSetError):
    """A condensed set holds more numbers than its IPC allows."""


class CaptureFailedError(DcbenchError):
    """A step could not be captured in a CUDA graph. Work on the GPU goes on in a fresh process: this one is not clean.

    A run does the job again in one, without a capture and from its last checkpoint.
    """


class FallbackError(DcbenchError):
    """Under ``--strict``: a step could not be compiled or captured as it was asked for. The text says why."""


class UnsupportedFormatError(DcbenchError):
    """A result file was written by a version of dcbench whose format this one does not know."""
