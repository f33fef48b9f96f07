"""The command ``dcbench``. It lies outside the module dcbench, which another project's package can overwrite."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line, or say in one line why it is not there."""
    try:
        from dcbench.cli import main as command_line
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "click":
            raise
        print(  # noqa: T201  (click may be what is missing)
            f"dcbench: the module dcbench is not that of dataset-condensation-bench ({error}): "
            "pip uninstall dcbench, then install dataset-condensation-bench again",
            file=sys.stderr,
        )
        sys.exit(2)
    command_line()
