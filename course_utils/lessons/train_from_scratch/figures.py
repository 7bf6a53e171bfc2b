"""Figures of first trainings: the range test, curves of runs, what was trained beforehand, the network beside colours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from PIL.Image import Image
from torch import Tensor
from torchvision.transforms.v2.functional import pil_to_tensor

from course_utils.experiments.compare import measured
from course_utils.experiments.studies import read_study
from course_utils.notebook.plots import plot_baselines
from course_utils.notebook.style import BLUE, GREY, ORANGE, styled_figure
from course_utils.training import Features, linear_probe

Pictures = Sequence[tuple[Image, int]]
"""Pictures with their labels."""
Rows = Sequence[tuple[int, float, float, float]]
"""Of a run: epoch, train loss, val loss, val accuracy (0 to 1)."""
CLASSES = 18
SMOOTHING = 0.8
BINS = 16
HEALTHY = "both"
"""The variant of the study of regularisation that is trained as the lesson trains."""


def smoothed(values: Sequence[float]) -> list[float]:
    """A running average that forgets, without the pull of its start towards zero."""
    return pd.Series(values).ewm(alpha=1 - SMOOTHING).mean().tolist()


def plot_rates(rates: Sequence[float], losses: Sequence[float]) -> Figure:
    """The loss while the learning rate rises, and its running average, whose lowest point is marked.

    Args:
        rates: Of each step, rising.
        losses: Of each step, before it was taken.
    """
    average = smoothed(losses)
    lowest = rates[average.index(min(average))]
    with styled_figure(1, 1, figsize=(7, 3.4)) as (figure, axes):
        axis = axes[0, 0]
        axis.plot(rates, losses, color=GREY, linewidth=1, label="loss of each step")
        axis.plot(rates, average, color=BLUE, linewidth=2.5, label="running average")
        axis.axvline(lowest, color=ORANGE, linestyle=":", label="its lowest point")
        top = 1.6 * max(average[: average.index(min(average)) + 1])
        axis.set(xscale="log", xlabel="learning rate", ylabel="loss", ylim=(0, top))
        axis.set_title(f"lowest at {lowest:.1g}; a third of that is {lowest / 3:.1g}")
        figure.legend(loc="outside lower center", ncols=3)
    return figure


def plot_runs(runs: Mapping[str, Rows], *, beforehand: bool = False) -> Figure:
    """The losses of each run in a panel, on one scale that leaves out what is far above chance; val accuracy of a lone run.

    Args:
        runs: By name.
        beforehand: Whether the lesson's own training, measured beforehand, is drawn thin behind them.
    """
    study = read_study("regularisation") if beforehand else []
    earlier = [run.history.frame() for run in study if run.label == HEALTHY]
    alone, chance = len(runs) == 1, math.log(CLASSES)
    with styled_figure(1, max(2, len(runs)), figsize=(3.4 * max(2, len(runs)), 3.5)) as (figure, axes):
        for axis, (name, rows) in zip(axes[0], runs.items(), strict=False):
            epochs, train, val, accuracy = zip(*rows, strict=True)
            _lines(axis, epochs, {"train": (ORANGE, train), "val": (BLUE, val)}, earlier, "loss")
            axis.axhline(chance, color=GREY, linestyle=":", label="a guess")
            axis.set(title=name, ylim=(0, 1.5 * chance))
        axes[0, 0].set_ylabel("loss")
        axes[0, 0].legend(loc="lower left", fontsize=9)
        if alone:
            axis = axes[0, 1]
            _lines(axis, epochs, {"val": (BLUE, accuracy)}, earlier, "accuracy")
            axis.axhline(1 / CLASSES, color=GREY, linestyle=":")
            axis.set(title="val accuracy", ylim=(0, None))
            axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return figure


def _lines(
    axis: Axes,
    epochs: Sequence[int],
    values: Mapping[str, tuple[str, Sequence[float]]],
    earlier: Sequence[pd.DataFrame],
    quantity: str,
) -> None:
    """A run's values by split, each with its colour, over the thin lines of earlier runs."""
    for split, (colour, of_split) in values.items():
        for frame in earlier:
            axis.plot(
                frame.index,
                frame[f"{split}_{quantity}"],
                color=colour,
                linewidth=0.8,
                alpha=0.5,
                label="_earlier",
            )
        axis.plot(epochs, of_split, "o-", color=colour, markersize=4, label=split)
    axis.set_xlabel("epoch")
    axis.xaxis.set_major_locator(MaxNLocator(6, integer=True))


def colour_accuracy(train: Pictures, val: Pictures, test: Pictures) -> float:
    """Accuracy on test, 0 to 1, of a linear classifier of colour histograms, its penalty chosen on val (lesson 2)."""
    of_train, of_val, of_test = (_colours(pictures) for pictures in (train, val, test))
    return linear_probe(of_train, val=of_val).evaluate(of_test).accuracy


def _colours(pictures: Pictures) -> Features:
    rows = [_histogram(pil_to_tensor(picture.convert("RGB"))) for picture, _ in pictures]
    return Features(torch.stack(rows), torch.tensor([label for _, label in pictures]), seconds=0.0)


def _histogram(picture: Tensor) -> Tensor:
    shares = [channel.float().histc(BINS, 0, 256) / channel.numel() for channel in picture]
    return torch.cat(shares).sqrt()


def plot_beside_colours(train: Pictures, val: Pictures, test: Pictures, accuracy: float) -> Figure:
    """A network's accuracy on test beside chance, colours from the same pictures, and a longer training.

    Args:
        train: What network and colours have learned from.
        val: What they were chosen with.
        test: What they are asked.
        accuracy: Of the network, 0 to 1.
    """
    longest = [
        run
        for run in measured("fieldguide").results
        if run.flavour == "scratch_best" and run.images_per_class == 10
    ]
    epochs = len(longest[0].history.epochs)
    longer = sum(run.test_accuracy for run in longest) / len(longest)
    fixed = {
        f"{epochs} epochs, {longest[0].image_size} px:\nmean of {len(longest)} seeds (lesson 5)": longer,
        "chance": 1 / CLASSES,
    }
    learned = {"colours": colour_accuracy(train, val, test), "your network": accuracy}
    return plot_baselines(fixed, learned, number=len(test))
