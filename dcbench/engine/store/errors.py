"""What is said of a file of the store that cannot be read."""

from __future__ import annotations

from pathlib import Path

from dcbench.api.errors import DcbenchError


class UnreadableFileError(DcbenchError):
    """A result file cannot be read; `path` is its path."""

    def __init__(self, path: Path, reason: object, trouble: str = "cannot be read now") -> None:
        """Name the file, its *trouble*, and what the reader said."""
        super().__init__(f"{path} {trouble}: {' '.join(str(reason).split())}")
        self.path = path


class CorruptFileError(UnreadableFileError):
    """A result file does not open, or what it holds fails its checksum."""

    def __init__(self, path: Path, reason: object) -> None:
        """Name the file and what the reader said."""
        super().__init__(path, reason, "is damaged")
