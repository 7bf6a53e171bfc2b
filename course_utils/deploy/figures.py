"""The figures of a report: how far probabilities can be trusted, and what training did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from course_utils.metrics.calibration import Bin
from course_utils.metrics.intervals import accuracy_interval
from course_utils.notebook.style import BLUE, GREY, ORANGE, styled_figure
from course_utils.training.history import History


def plot_reliability(groups: Mapping[str, Sequence[Bin]]) -> Figure:
    """The share of right answers over their probability, with intervals; a panel each. Larger points are of more pictures.

    Args:
        groups: By title, as :func:`~course_utils.metrics.calibration.reliability` gives them.
    """
    with styled_figure(1, len(groups), figsize=(4.3 * len(groups), 4), sharey=True) as (figure, axes):
        for axis, (title, bins) in zip(axes[0], groups.items(), strict=True):
            axis.plot([0, 1], [0, 1], color=GREY, linestyle=":")
            for place in bins:
                interval = accuracy_interval(place.accuracy, place.n)
                axis.plot([place.probability] * 2, interval, color=GREY, linewidth=1.5)
            pictures = sum(place.n for place in bins)
            axis.scatter(
                [place.probability for place in bins],
                [place.accuracy for place in bins],
                s=[20 + 180 * place.n / pictures for place in bins],
                color=BLUE,
                zorder=3,
            )
            axis.set(xlabel="probability of the answer", title=title, xlim=(0, 1.03), ylim=(-0.03, 1.03))
            for side in (axis.xaxis, axis.yaxis):
                side.set_major_formatter(PercentFormatter(1, decimals=0))
        axes[0, 0].set_ylabel("share that is right")
    return figure


def plot_epochs(history: History) -> Figure:
    """Loss and accuracy on train and val, epoch by epoch; the epoch that was kept is marked."""
    frame, kept = history.frame(), history.best.epoch
    with styled_figure(1, 2, figsize=(8.4, 3.5)) as (figure, axes):
        for axis, quantity in zip(axes[0], ("loss", "accuracy"), strict=True):
            for split, colour in (("train", ORANGE), ("val", BLUE)):
                axis.plot(
                    frame.index, frame[f"{split}_{quantity}"], "o-", color=colour, markersize=3, label=split
                )
            axis.axvline(kept, color=GREY, linestyle=":", label="kept")
            axis.set(xlabel="epoch", ylabel=quantity, ylim=(0, None))
            axis.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes[0, 1].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes[0, 1].legend(loc="lower right")
    return figure
