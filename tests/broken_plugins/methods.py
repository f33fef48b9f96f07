"""Methods that each break one promise of the contract, and the one that keeps all."""

from __future__ import annotations

import os
import pickle
import signal
from typing import Any, ClassVar, Literal

import torch
from pydantic import ConfigDict, Field

import dcbench
from dcbench import CondensedSet, Decoder, Method, Origin


class Noise(Method):
    """Noise that changes at every step, and keeps every promise."""

    by_class = True

    class Settings(dcbench.Settings):
        iterations: int = Field(100, ge=0, description="steps")

    def snapshot_steps(self, settings):
        return (0,)

    def condense(self, task, settings):
        labels = self.labels(task)
        state = task.resume()
        if state is None:
            images, start = self.draw(task), 0
            self.began(task, images, labels)
        else:
            images, start = state["images"], state["step"]
            self.take_up(task, state)
        for step in range(start + 1, settings.iterations + 1):
            images = (images + self.draw(task)) / 2
            task.progress(self.shown(step), settings.iterations)
            task.checkpoint(lambda images=images, step=step: self.state(task, images, step))
        return self.finished(task, images, labels)

    def labels(self, task):
        return torch.tensor(task.classes).repeat_interleave(task.ipc)

    def began(self, task, images, labels):
        task.snapshot(0, CondensedSet.of_images(images, labels))

    def draw(self, task):
        images = torch.rand(task.info.classes * task.ipc, *task.info.shape, generator=task.generator)
        return images[task.classes.start * task.ipc : task.classes.stop * task.ipc]

    def state(self, task, images, step):
        return {"images": images, "step": step, "generator": task.generator.get_state()}

    def take_up(self, task, state):
        task.generator.set_state(state["generator"])

    def shown(self, step):
        return step

    def finished(self, task, images, labels):
        return CondensedSet.of_images(images, labels)


class NoDefault(Noise):
    class Settings(Noise.Settings):
        width: int = Field(description="needed")


class Undocumented(Noise):
    class Settings(Noise.Settings):
        width: int = 3


class Lenient(Noise):
    class Settings(Noise.Settings):
        model_config = ConfigDict(extra="ignore")


class Unfrozen(Noise):
    class Settings(Noise.Settings):
        model_config = ConfigDict(frozen=False)


class NotJson(Noise):
    class Settings(Noise.Settings):
        sides: Any = Field((1, 2), description="comes back as a list")


class Untypable(Noise):
    class Settings(Noise.Settings):
        channels: Literal[1, 3] = Field(3, description="a literal reads no text")


class LaterUnknown(Noise):
    class Settings(Noise.Settings):
        added_later: ClassVar[frozenset[str]] = frozenset({"gone"})


class Stranger(Noise):
    def settings_for(self, info, ipc):
        return Undocumented.Settings()


class FalseOrigin(Noise):
    def origins_for(self, info, ipc):
        return {"iteration": Origin("chosen", "misspelt")}


class Raises(Noise):
    def condense(self, task, settings):
        raise ValueError("no idea how")


class Leaves(Noise):
    def condense(self, task, settings):
        raise SystemExit(3)


class ReturnsImages(Noise):
    def condense(self, task, settings):
        return super().condense(task, settings).images


class Double(Noise):
    def finished(self, task, images, labels):
        return CondensedSet(labels, images.double())


class OwnDecoder(Noise):
    class Bright(Decoder):
        def images(self, stored):
            return stored + 0.5

    def finished(self, task, images, labels):
        return CondensedSet(labels, images, decoder=self.Bright())


class ChecksItself(Noise):
    class Lax(CondensedSet):
        def check(self, *arguments, **options):
            pass

        def numbers(self, info):
            return 0

    def finished(self, task, images, labels):
        return self.Lax(labels.repeat(2), images.repeat(2, 1, 1, 1))


class OneClass(Noise):
    def finished(self, task, images, labels):
        return CondensedSet.of_images(images, labels * 0)


class OverBudget(Noise):
    def finished(self, task, images, labels):
        return CondensedSet.of_images(images.repeat(2, 1, 1, 1), labels.repeat(2))


class NotANumber(Noise):
    def finished(self, task, images, labels):
        images[0, 0, 0, 0] = torch.nan
        return CondensedSet.of_images(images, labels)


class Normalised(Noise):
    def finished(self, task, images, labels):
        return CondensedSet.of_images((images - 0.5) / 0.1, labels)


class GlobalDraws(Noise):
    def draw(self, task):
        noise = torch.rand(task.info.classes * task.ipc, *task.info.shape, generator=None)
        return (super().draw(task) + noise[: len(task.classes) * task.ipc]) / 2


class Unrepeatable(Noise):
    def draw(self, task):
        return super().draw(task) * (1 + os.urandom(1)[0]) / 256


class SeedIgnored(Noise):
    def condense(self, task, settings):
        task.generator.manual_seed(0)
        return super().condense(task, settings)


class Overwrites(Noise):
    def finished(self, task, images, labels):
        task.train.images.zero_()
        return super().finished(task, images, labels)


class Refuses(Noise):
    """Raises where the data is as `unloved` says."""

    def unloved(self, info, ipc):
        raise NotImplementedError

    def condense(self, task, settings):
        if self.unloved(task.info, task.ipc):
            raise ValueError("never thought of that")
        return super().condense(task, settings)


class GreyOnly(Refuses):
    def unloved(self, info, ipc):
        return info.shape[0] != 1


class EvenOnly(Refuses):
    def unloved(self, info, ipc):
        return info.shape[1] % 2


class SmallOnly(Refuses):
    def unloved(self, info, ipc):
        return info.shape[1] > 16


class SeveralOnly(Refuses):
    def unloved(self, info, ipc):
        return ipc == 1


class FewOnly(Refuses):
    def unloved(self, info, ipc):
        return ipc > 5


class EqualOnly(Refuses):
    def unloved(self, info, ipc):
        return ipc < min(info.train_counts) < max(info.train_counts)


class SpareOnly(Refuses):
    def unloved(self, info, ipc):
        return ipc == min(info.train_counts)


class Silent(Noise):
    def condense(self, task, settings):
        task.progress = lambda *_, **__: None
        return super().condense(task, settings)


class NeverDone(Noise):
    def shown(self, step):
        return step - 1


class Announces(Noise):
    def snapshot_steps(self, settings):
        return (0, 10)


class WrongFactor(Noise):
    def factor(self, settings):
        return 2

    def snapshot_steps(self, settings):
        return ()

    def began(self, task, images, labels):
        pass


class ListState(Noise):
    def state(self, task, images, step):
        return super().state(task, images, step) | {"history": [step]}


class ForgetsGenerator(Noise):
    def take_up(self, task, state):
        pass


class StartsAgain(Noise):
    def condense(self, task, settings):
        task.resume = lambda: None
        return super().condense(task, settings)


class IgnoresState(Noise):
    def condense(self, task, settings):
        task.resume()
        task.resume = lambda: None
        return super().condense(task, settings)


class OffersFirst(Noise):
    """Offers its checkpoints before the steps, so that a run which goes on offers the one it took up once more."""

    def condense(self, task, settings):
        state = task.resume()
        if state is None:
            state = {"images": self.draw(task), "step": 0, "generator": task.generator.get_state()}
            self.began(task, state["images"], self.labels(task))
        images = state["images"]
        self.take_up(task, state)
        for step in range(state["step"], settings.iterations):
            task.checkpoint(lambda images=images, step=step: self.state(task, images, step))
            images = (images + self.draw(task)) / 2
            task.progress(step + 1, settings.iterations)
        return self.finished(task, images, self.labels(task))


class PartsOfTheirOwn(Noise):
    def draw(self, task):
        return torch.rand(len(task.classes) * task.ipc, *task.info.shape, generator=task.generator)


class Pickles(Noise):
    def finished(self, task, images, labels):
        return super().finished(task, pickle.loads(pickle.dumps(images)), labels)


class Prints(Noise):
    def shown(self, step):
        print("step", step)
        return step


class ChangesDtype(Noise):
    def finished(self, task, images, labels):
        torch.set_default_dtype(torch.float64)
        return super().finished(task, images, labels)


class ChangesEnvironment(Noise):
    def finished(self, task, images, labels):
        os.environ["OMP_NUM_THREADS"] = "64"
        return super().finished(task, images, labels)


class Dies(Noise):
    """Ends its process where images are in colour."""

    def condense(self, task, settings):
        if task.info.shape[0] == 3:
            os._exit(7)
        return super().condense(task, settings)


class DiesAtOnce(Noise):
    def condense(self, task, settings):
        os.kill(os.getpid(), signal.SIGKILL)


class Hangs(Noise):
    def condense(self, task, settings):
        if task.ipc == 10:
            torch.futures.Future().wait()
        return super().condense(task, settings)


BROKEN = {
    "settings-have-defaults": (NoDefault,),
    "settings-are-documented": (Undocumented,),
    "settings-are-strict": (Lenient, Unfrozen),
    "settings-survive-json": (NotJson,),
    "settings-can-be-typed": (Untypable,),
    "later-settings-exist": (LaterUnknown,),
    "recommends-its-own-settings": (Stranger,),
    "names-origins-of-real-settings": (FalseOrigin,),
    "condenses": (Raises, Leaves, ReturnsImages),
    "plain-tensors": (Double, OwnDecoder),
    "labels": (OneClass,),
    "budget": (OverBudget, ChecksItself),
    "finite-pixels": (NotANumber,),
    "pixel-range": (Normalised,),
    "same-seed-same-bits": (Unrepeatable,),
    "another-seed-another-set": (SeedIgnored,),
    "training-data-untouched": (Overwrites,),
    "three-channels": (GreyOnly,),
    "nine-pixels": (EvenOnly,),
    "twenty-eight-pixels": (SmallOnly,),
    "one-image-per-class": (SeveralOnly,),
    "many-images-per-class": (FewOnly,),
    "classes-of-unequal-size": (EqualOnly,),
    "smallest-class-used-up": (SpareOnly,),
    "reports-progress": (Silent, NeverDone),
    "keeps-the-snapshots-it-announces": (Announces,),
    "says-its-factor": (WrongFactor,),
    "checkpoints-hold-plain-values": (ListState,),
    "resumes-to-the-same-bits": (ForgetsGenerator, StartsAgain, IgnoresState),
    "parts-equal-the-whole": (PartsOfTheirOwn,),
    "pickles-nothing": (Pickles,),
    "prints-nothing": (Prints,),
    "leaves-the-process-alone": (ChangesDtype, ChangesEnvironment),
}
"""Each promise, but the one that there is a method at all, with those who break it and no other."""
