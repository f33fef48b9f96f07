"""From ``--data`` to the images that selections are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from dcbench.engine.exchange.sources import Sources


def sources_in(data: Path | None) -> Sources:
    """Return the datasets in the folder *data*, or where they live if it is None. Nothing is fetched."""
    from dcbench.engine.exchange.sources import Sources
    from dcbench.engine.plan.request import default_data_folder
    from dcbench.engine.registry import load_registry

    return Sources(load_registry(), data or default_data_folder())
