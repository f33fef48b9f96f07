"""The classes of the toy plug-in package; see `toys`. Nothing is trained."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Literal

import torch
from pydantic import Field

from dcbench import (
    CondensedSet,
    Dataset,
    DatasetInfo,
    Evaluation,
    Evaluator,
    ImageSet,
    Method,
    Origin,
    RequestError,
    Settings,
)
from dcbench.api.errors import CaptureFailedError
from dcbench.api.ran import ran


class Toy(Dataset):
    """Random images that depend on the seed in ``toy.txt``; ``toy-loads.txt`` says which splits were loaded."""

    class Settings(Settings):
        classes: int = Field(3, ge=2, le=9)
        per_class: int = Field(20, ge=1)
        name: str = "toy"

    def info(self):
        classes, count = self.settings.classes, self.settings.per_class
        names = tuple(f"class {label}" for label in range(classes))
        return DatasetInfo(
            self.settings.name, (1, 8, 8), names, (count,) * classes, (4,) * classes, (0.5,), (0.3,), mirror_ok=False
        )

    def files(self, split):
        path = self.root / "toy.txt"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("0")
        return [path]

    def load(self, split):
        (path,) = self.files(split)
        with (self.root / "toy-loads.txt").open("a") as log:
            log.write(f"{split}\n")
        generator = torch.Generator().manual_seed(2 * int(path.read_text()) + (split == "test"))
        count = self.settings.per_class if split == "train" else 4
        labels = torch.arange(self.settings.classes).repeat(count)
        images = torch.randint(0, 256, (len(labels), 1, 8, 8), generator=generator, dtype=torch.uint8)
        return ImageSet(images, labels, self.settings.classes)


class Count(Evaluator):
    """The mean pixel, in percent, moved a little by each repeat's seed."""

    metric = "pixel"

    class Settings(Settings):
        scale: float = Field(100.0, gt=0)

    def evaluate(self, condensed, train, test, context, settings):
        images, _ = condensed.decode(train)
        mean = settings.scale * float(images.mean())
        return Evaluation({"pixel": tuple(mean + seed % 1000 / 1000 for seed in context.seeds)})


class First(Method):
    """The first images of each class."""

    def condense(self, task, settings):
        return CondensedSet.selection(torch.cat([index[: task.ipc] for index in task.train.class_index]), task.train)


class Sourced(First):
    """Recommends settings, and says of one of them where it comes from."""

    class Settings(Settings):
        steps: int = Field(10, description="as in the paper")
        rate: float = 0.1
        width: int = 3

    def settings_for(self, info, ipc):
        return self.Settings(steps=20 * ipc, rate=0.5)

    def origins_for(self, info, ipc):
        return {"steps": Origin("published", f"its paper, for {info.name} at IPC {ipc}")}


class Slow(Method):
    """Adds noise at every step, so that a run resumed or in parts shows whether it made the same draws."""

    by_class = True

    class Settings(Settings):
        iterations: int = Field(20, ge=0)
        pause: float = Field(0.05, ge=0, description="seconds slept at each step")

    def snapshot_steps(self, settings):
        return (0,)

    def condense(self, task, settings):
        state = task.resume()
        labels = torch.tensor(task.classes).repeat_interleave(task.ipc)
        shape = (task.info.classes * task.ipc, *task.info.shape)
        mine = slice(task.classes.start * task.ipc, task.classes.stop * task.ipc)
        if state is None:
            images, start = torch.rand(shape, generator=task.generator)[mine], 0
            task.snapshot(0, CondensedSet.of_images(images, labels))
        else:
            images, start = state["images"], state["step"]
            task.generator.set_state(state["generator"])
        for step in range(start + 1, settings.iterations + 1):
            images = (images + 0.01 * torch.randn(shape, generator=task.generator)[mine]).clamp(0, 1)
            time.sleep(settings.pause)
            task.progress(step, settings.iterations, sum=float(images.sum()))
            now = {"images": images, "step": step, "generator": task.generator.get_state()}
            task.checkpoint(lambda now=now: now)
        return CondensedSet.of_images(images, labels)


LEAKED, LEAK = [], 300 * 2**20


def reachable(start):
    """Return everything that can be reached from *start*, modules and types aside."""
    seen, todo = {id(start): start}, [start]
    while todo:
        for one in gc.get_referents(todo.pop()):
            if id(one) not in seen and not isinstance(one, ModuleType | type):
                seen[id(one)] = one
                todo.append(one)
    return list(seen.values())


def daemonise(count):
    """Start processes in sessions of their own whose parents are gone, and note their ids."""
    log = Path(os.environ["TOY_DAEMONS"])
    for _ in range(count):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.setsid()
                with log.open("a") as file:
                    file.write(f"{os.getpid()}\n")
                time.sleep(3600)
            os._exit(0)
    while not log.exists() or len(log.read_text().split()) < count:
        time.sleep(0.01)


class Bad(Method):
    """Does one thing that a method must not do."""

    class Settings(Settings):
        how: Literal[
            "over-budget", "whole", "nan", "labels", "raise", "refuse", "exit", "kill", "segfault", "hang", "prints",
            "dtype", "stdin", "fork", "leak", "peek", "daemons", "daemons-and-hang",
            "capture",
        ] = "raise"  # fmt: skip

    def validate(self, info, ipc, settings):
        if settings.how == "refuse":
            raise RequestError("toy-bad.how=refuse: refused while planning")

    def condense(self, task, settings):  # noqa: C901  (one case for each rule)
        labels = torch.arange(task.info.classes).repeat_interleave(task.ipc)
        images = torch.full((len(labels), *task.info.shape), 0.5)
        match settings.how:
            case "over-budget":
                return CondensedSet.of_images(images.repeat(2, 1, 1, 1), labels.repeat(2))
            case "whole":
                return CondensedSet.selection(torch.arange(len(task.train)), task.train)
            case "nan":
                images[0, 0, 0, 0] = torch.nan
            case "labels":
                labels = labels + 1
            case "raise":
                raise ValueError("the toy method was told to raise")
            case "exit":
                sys.exit("the toy leaves")
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "segfault":
                ctypes.string_at(0)
            case "hang":
                print("about to hang", flush=True)
                time.sleep(3600)
            case "prints":
                for _ in range(40):
                    print("x" * 100_000)
                print("the last line")
                raise ValueError("after much printing")
            case "dtype":
                torch.set_default_dtype(torch.float64)
            case "stdin":
                input("a debugger would wait here")
            case "fork":
                if os.fork() == 0:
                    time.sleep(3600)
            case "daemons" | "daemons-and-hang":
                daemonise(2)
                if settings.how != "daemons":
                    time.sleep(3600)
            case "capture":
                if not ran().fallbacks:
                    raise CaptureFailedError("a step cannot be captured in a CUDA graph: no room for streams")
            case "leak":
                LEAKED.append(bytearray(LEAK))
            case "peek":
                found = [
                    one for one in reachable(task) if isinstance(one, ImageSet | Dataset) and one is not task.train
                ]
                raise ValueError(f"found {len(found)} others")
        return CondensedSet.of_images(images, labels)
