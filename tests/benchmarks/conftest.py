"""Makes the folder benchmarks/ importable: it is not part of the installed package."""

from __future__ import annotations

import sys
from pathlib import Path

# At the end, so that dcbench is still the installed one.
sys.path.append(str(Path(__file__).parents[2]))
