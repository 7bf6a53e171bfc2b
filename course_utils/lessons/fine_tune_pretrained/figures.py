"""Figures of a fine-tuned model: what penalty its probe takes, where it errs, and on which species."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from torch import Tensor

from course_utils.data import ImageSet
from course_utils.metrics.intervals import accuracy_interval
from course_utils.notebook.plots import draw_picture
from course_utils.notebook.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PICTURE_DPI,
    readable,
    relatives_together,
    styled_figure,
)
from course_utils.training import LinearProbe


def show_mistakes(images: ImageSet, answers: Mapping[str, Tensor], number: int = 6) -> Figure | str:
    """The pictures in which the first of some models was surest of a wrong name, and what all of them say.

    Args:
        images: Of the data set that was judged.
        answers: For each model's label its logits (N, classes), in the order of the pictures.
        number: Pictures at most.

    Returns:
        The figure; a sentence where the first model made no mistake.
    """
    shares = {label: logits.softmax(1) for label, logits in answers.items()}
    first = next(iter(shares.values()))
    wrong = (first.argmax(1) != images.labels).nonzero().flatten()
    if not len(wrong):
        return f"The {next(iter(answers))} named all {len(images)} pictures rightly: there is no mistake to show."
    worst = wrong[first[wrong].max(1).values.argsort(descending=True)][:number].tolist()
    with styled_figure(1, len(worst), figsize=(2.1 * len(worst), 2.9), dpi=PICTURE_DPI) as (figure, axes):
        for axis, place in zip(axes[0], worst, strict=True):
            draw_picture(axis, images.pixels[place])
            lines = [readable(images.classes[images.labels[place]]).upper()]
            for label, share in shares.items():
                name = readable(images.classes[share[place].argmax()])
                lines.append(f"{label}:\n{name}, {share[place].max():.0%}")
            axis.set_title("\n".join(lines), fontsize=9)
    return figure


def plot_penalties(probe: LinearProbe) -> Figure:
    """What val says of each penalty that the probe tried; the bars are 95% intervals of the accuracies."""
    penalties = list(probe.val)
    with styled_figure(1, 2, figsize=(9.5, 3.2)) as (figure, axes):
        for axis, quantity in zip(axes[0], ("loss", "accuracy"), strict=True):
            axis.plot(penalties, [getattr(m, quantity) for m in probe.val.values()], "o-", color=BLUE)
            axis.axvline(probe.l2, color=GREY, linestyle=":", label=f"kept: {probe.l2:g}")
            axis.set(xscale="log", xlabel="l2 penalty", ylabel=f"val {quantity}")
        found = [(m.accuracy, *accuracy_interval(m.accuracy, m.n)) for m in probe.val.values()]
        reach = [(middle - low, high - middle) for middle, low, high in found]
        axes[0, 1].errorbar(
            penalties,
            [m for m, *_ in found],
            yerr=np.transpose(reach),
            fmt="none",
            color=GREY,
            capsize=3,
            lw=1,
        )
        _percent(axes[0, 1])
        axes[0, 0].legend()
    return figure


def plot_per_class(accuracies: Mapping[str, Sequence[float]], classes: Sequence[str]) -> Figure:
    """Accuracy of each species for two or three models, as dots on a line each.

    Args:
        accuracies: For each model's label one accuracy (0 to 1) a class.
        classes: Class names.
    """
    marks = zip(("o", "s", "^"), (ORANGE, BLUE, GREEN), strict=True)
    with styled_figure(1, 1, figsize=(8, 0.36 * len(classes) + 1.2)) as (figure, axes):
        axis = axes[0, 0]
        rows, order = np.arange(len(classes)), relatives_together(classes)
        table = np.array(list(accuracies.values()))[:, order]
        axis.hlines(rows, table.min(0), table.max(0), color="#bbbbbb", linewidth=3)
        for label, values, (mark, colour) in zip(accuracies, table, marks, strict=False):
            axis.plot(values, rows, mark, color=colour, markersize=8, label=label, linestyle="none")
        axis.set_yticks(rows, [readable(classes[k]) for k in order])
        axis.invert_yaxis()
        axis.set(xlabel="accuracy", xlim=(-0.03, 1.03))
        axis.xaxis.set_major_formatter(PercentFormatter(1))
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, 1.12), ncols=len(accuracies))
    return figure


def _percent(axis: Axes) -> None:
    axis.yaxis.set_major_formatter(PercentFormatter(1))
