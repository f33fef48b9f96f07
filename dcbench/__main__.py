"""``python -m dcbench`` is the same as ``dcbench``."""

from dcbench.cli import main

main()
