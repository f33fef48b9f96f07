"""Speed: every fast path against its literal twin. Run ``python -m benchmarks`` in the root of the repository."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
"""The repository."""

# The literal twins, `oracles`, and the stand-ins for what the bench gives, `support.fakes`, are those of the tests.
sys.path.append(str(ROOT / "tests"))
