"""The figures of a report: how far probabilities can be trusted, and what training did."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from course_utils.metrics.calibration import Bin
from course_utils.metrics.intervals import accuracy_interval
from course_utils.notebook.style import BLUE, GREY, ORANGE, styled_figure
from course_utils.training.history import History


def plot_reliability(bins: Sequence[Bin]) -> Figure:
    """The share of right answers over the probability that the model gave them; below it the pictures in each bin.

    Args:
        bins: As :func:`~course_utils.metrics.calibration.reliability` gives them.
    """
    places, shares = [of.probability for of in bins], [of.accuracy for of in bins]
    low, high = zip(*(accuracy_interval(of.accuracy, of.n) for of in bins), strict=True)
    spread = [
        [share - end for share, end in zip(shares, low, strict=True)],
        [end - share for share, end in zip(shares, high, strict=True)],
    ]
    with styled_figure(2, 1, figsize=(5.2, 5.2), sharex=True, height_ratios=[4, 1]) as (figure, axes):
        above, below = axes[:, 0]
        above.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="can be taken at their word")
        above.errorbar(
            places, shares, yerr=spread, fmt="o", color=BLUE, ecolor=GREY, capsize=3, label="measured on test"
        )
        above.set(ylabel="share that is right", ylim=(-0.02, 1.02))
        above.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        figure.legend(loc="outside upper center", ncols=2)
        below.bar(places, [of.n for of in bins], width=0.05, color=BLUE)
        below.set(xlabel="probability of the answer", ylabel="pictures", xlim=(-0.02, 1.02))
        below.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        below.yaxis.set_major_locator(MaxNLocator(3, integer=True))
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
