"""Evaluators that each break one promise of the contract, and the one that keeps all."""

from __future__ import annotations

import io
import os

import torch

from dcbench import Evaluation, Evaluator


class Brightness(Evaluator):
    """The mean pixel in percent, moved a little by each seed; keeps every promise."""

    metric = "brightness"

    def evaluate(self, condensed, train, test, context, settings):
        images, _ = condensed.decode(train)
        return self.given(100 * float(images.mean()), condensed, train, context.seeds)

    def given(self, mean, condensed, train, seeds):
        return Evaluation({"brightness": tuple(mean * (1 + seed % 100 / 1000) for seed in seeds)})


class Raises(Brightness):
    def given(self, mean, condensed, train, seeds):
        raise ValueError("no metric")


class ReturnsMapping(Brightness):
    def given(self, mean, condensed, train, seeds):
        return super().given(mean, condensed, train, seeds).metrics


class OtherFigure(Brightness):
    metric = "darkness"


class Slashed(Brightness):
    def given(self, mean, condensed, train, seeds):
        metrics = super().given(mean, condensed, train, seeds).metrics
        return Evaluation({**metrics, "brightness/top": metrics["brightness"]})


class OneValue(Brightness):
    def given(self, mean, condensed, train, seeds):
        return Evaluation({"brightness": (mean,)})


class NotANumber(Brightness):
    def given(self, mean, condensed, train, seeds):
        return Evaluation({"brightness": (float("nan"),) * len(seeds)})


class TooMuch(Brightness):
    def given(self, mean, condensed, train, seeds):
        return super().given(mean + 100, condensed, train, seeds)


class Unrepeatable(Brightness):
    def given(self, mean, condensed, train, seeds):
        return super().given(mean * os.urandom(1)[0] / 256, condensed, train, seeds)


class GlobalDraws(Brightness):
    def given(self, mean, condensed, train, seeds):
        noise = torch.rand((), generator=None)
        return super().given(mean * float(noise), condensed, train, seeds)


class DependsOnOthers(Brightness):
    def given(self, mean, condensed, train, seeds):
        return Evaluation({"brightness": tuple(mean / (1 + number) for number in range(len(seeds)))})


class WholeImagesOnly(Brightness):
    def given(self, mean, condensed, train, seeds):
        assert condensed.decoder.factor == 1
        return super().given(mean, condensed, train, seeds)


class HardLabelsOnly(Brightness):
    def given(self, mean, condensed, train, seeds):
        train.labels[condensed.labels]
        return super().given(mean, condensed, train, seeds)


class Overwrites(Brightness):
    def given(self, mean, condensed, train, seeds):
        train.images.zero_()
        return super().given(mean, condensed, train, seeds)


class Pickles(Brightness):
    def given(self, mean, condensed, train, seeds):
        torch.save(condensed.labels, io.BytesIO())
        return super().given(mean, condensed, train, seeds)


class Prints(Brightness):
    def given(self, mean, condensed, train, seeds):
        print(mean)
        return super().given(mean, condensed, train, seeds)


class Seeds(Brightness):
    def given(self, mean, condensed, train, seeds):
        torch.manual_seed(seeds[0])
        return super().given(mean, condensed, train, seeds)


BROKEN = {
    "evaluates": (Raises, ReturnsMapping),
    "gives-its-main-metric": (OtherFigure,),
    "metric-names-can-be-stored": (Slashed,),
    "one-value-per-repeat": (OneValue,),
    "finite-metrics": (NotANumber,),
    "metrics-of-its-unit": (TooMuch,),
    "same-seeds-same-metrics": (Unrepeatable,),
    "each-repeat-by-itself": (DependsOnOthers,),
    "takes-tiles": (WholeImagesOnly,),
    "takes-soft-labels": (HardLabelsOnly,),
    "input-untouched": (Overwrites,),
    "pickles-nothing": (Pickles,),
    "prints-nothing": (Prints,),
    "leaves-the-process-alone": (Seeds,),
}
