"""How a result was made: versions, commit and device, and the stretches of an interrupted job."""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import dcbench
from dcbench.api.ran import ran
from dcbench.engine.store.guards import UnreadableFileError
from dcbench.engine.store.tensors import read_stretches
from dcbench.engine.work.devices import describe_device, instructions, prepare_process
from dcbench.engine.work.runtime import Runtime

_LONGEST = 5.0  # seconds; a file system that hangs must not hold a job


@cache
def commit(root: Path | None = None) -> str:
    """Return the commit of the checkout, with ``-dirty`` where tracked files differ from it.

    Args:
        root: the folder that would hold ``.git``; that of this package unless given.

    Returns:
        40 hexadecimal digits, or an empty text: it is not a checkout, or git fails.
    """
    root = root or Path(dcbench.__file__).parents[1]
    if not (root / ".git").exists():  # a file in a worktree
        return ""
    # Variables such as GIT_DIR, which hooks of git set, would lead to another repository.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "--no-optional-locks", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        ended = subprocess.run(
            command, cwd=root, env=clean, stdin=subprocess.DEVNULL, capture_output=True, timeout=_LONGEST, check=True
        )
    except (OSError, subprocess.SubprocessError):  # no git, no commit yet, or a checkout of another user
        return ""
    return ended.stdout.decode(errors="replace").strip()


Stretch = Mapping[str, Any]
"""How one stretch ran: ``runtime``, ``chunk``, ``versions``, ``device``, ``instructions`` and ``seconds``;
``commit`` where dcbench ran from a Git checkout.

Of a stretch that an older version has written only ``seconds`` is known.
"""
_BITS = ("threads", "capture", "deterministic", "chunk")  # fields of `Runtime` that bits depend on

log = logging.getLogger(__name__)


def describe_stretch(runtime: Runtime, packages: Mapping[str, str]) -> dict[str, Any]:
    """Return how a job with *runtime* runs in this process, but for what is known at its end alone."""
    described = {
        "runtime": runtime.model_dump(mode="json"),
        "versions": versions(packages),
        "device": describe_device(runtime.device),
        "instructions": instructions(),
    }
    return described | ({"commit": commit()} if commit() else {})


def describe_ran(runtime: Runtime, stretches: Sequence[Stretch] = (), condensing: Sequence[str] = ()) -> dict[str, Any]:
    """Return the fact ``ran`` of a result: what this process has done, as `dcbench.api.ran` has recorded it.

    Args:
        runtime: how the job was to run. Where it captures nothing, as on a CPU, there is no such fact.
        stretches: earlier ones of the job, whose fallbacks count too.
        condensing: the fallbacks of the set that is evaluated.
    """
    record = ran().facts()
    earlier = [line for stretch in stretches for line in stretch.get("ran", {}).get("fallbacks", ())]
    record["fallbacks"] = list(dict.fromkeys([*earlier, *record["fallbacks"]]))
    record |= {"condensing": list(condensing)} if condensing else {}
    return {"ran": record} if runtime.capture or record["fallbacks"] or condensing else {}


def go_on(wanted: Runtime, checkpoint: Path, *, fallback: str = "") -> Runtime:
    """Return how a job goes on from *checkpoint*, and set up this process so; differences go into its log.

    Without a checkpoint, or from one without stretches, the job runs as *wanted*. So it does with a
    *fallback*: what the checkpoint names has failed for that reason.
    """
    try:
        before = read_stretches(checkpoint)
    except (UnreadableFileError, FileNotFoundError):  # damage is for the one that resumes from it
        before = ()
    runtime, remark = as_it_began(wanted, before, eager=bool(fallback))
    if runtime != wanted:
        prepare_process(runtime)
    if remark:
        log.warning("%s", remark)
    return runtime


def as_it_began(wanted: Runtime, before: Sequence[Stretch], *, eager: bool = False) -> tuple[Runtime, str]:
    """Return how a job goes on after the stretches *before*, and a remark on it, in one line.

    It takes over all that its bits depend on; its device, and the time between checkpoints, are those of *wanted*. An
    *eager* one captures nothing, whatever it began with.
    """
    if not before or "runtime" not in before[-1]:
        return wanted, ""
    now = f"; it goes on with threads {wanted.threads}, precision {wanted.precision}, and other bits"
    try:
        begun = Runtime.model_validate(before[-1]["runtime"])
    except ValidationError:
        return wanted, f"the job began in a way that this dcbench does not have{now}"
    if _kind(begun.device) != _kind(wanted.device):
        return wanted, f"the job began on {before[-1].get('device', begun.device)}, which this run does not use{now}"
    if begun.precision != wanted.precision:  # written by a version whose names did not have it
        return wanted, f"the job began with precision {begun.precision}, and its name is for {wanted.precision}{now}"
    kept: dict[str, Any] = {"device": wanted.device, "checkpoint_seconds": wanted.checkpoint_seconds}
    if wanted.deterministic:
        kept["deterministic"] = True
    if eager:
        kept["capture"] = False
    runtime = begun.model_copy(update=kept)
    changed = [field for field in _BITS if getattr(runtime, field) != getattr(wanted, field)]
    if not changed:
        return runtime, ""
    words = ", ".join(f"{field} {getattr(runtime, field)} in place of {getattr(wanted, field)}" for field in changed)
    return runtime, f"the job goes on as it began: {words}"


def _kind(device: str) -> str:
    return device.partition(":")[0]


def versions(packages: Mapping[str, str]) -> dict[str, str]:
    """Return the versions that a result was made with: dcbench, Python, torch, CUDA, and *packages* of plug-ins."""
    import platform

    import torch

    from dcbench.api.distribution import NAME, version

    return {
        "dcbench": version(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda or "",
        **{name: number for name, number in packages.items() if name != NAME},
    }
