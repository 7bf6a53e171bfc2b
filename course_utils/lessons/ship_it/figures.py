"""The figures of lesson 8."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from torch import Tensor

from course_utils.deploy.figures import plot_reliability
from course_utils.metrics.calibration import reliability
from course_utils.notebook.style import BLUE, MARKS, ORANGE, styled_figure


def plot_batches(waits: Mapping[str, Mapping[int, Sequence[float]]]) -> Figure:
    """Milliseconds that a batch takes, median and 95th percentile, and pictures a second, over its size.

    Args:
        waits: For each engine and batch size the milliseconds of each round.
    """
    with styled_figure(1, 2, figsize=(9.6, 3.8)) as (figure, axes):
        wait, rate = axes[0]
        for (name, of_size), (colour, mark) in zip(waits.items(), MARKS, strict=False):
            sizes = [*of_size]
            middle, high = (
                np.array([np.percentile(of_size[size], share) for size in sizes]) for share in (50, 95)
            )
            wait.plot(sizes, middle, marker=mark, color=colour, label=name)
            wait.fill_between(sizes, middle, high, color=colour, alpha=0.25, linewidth=0)
            rate.plot(sizes, 1000 * np.array(sizes) / middle, marker=mark, color=colour, label=name)
        wait.set(
            ylabel="milliseconds", yscale="log", title="latency, median to 95th percentile: lower is better"
        )
        rate.set(ylabel="pictures a second", title="throughput: higher is better", ylim=(0, None))
        wait.legend(loc="upper left")
        for axis in (wait, rate):
            axis.set_xscale("log", base=2)
            axis.set_xticks(sizes, [str(size) for size in sizes])
            axis.set_xlabel("pictures in a batch")
    return figure


def plot_before_and_after(logits: Tensor, labels: Tensor, temperature: float) -> Figure:
    """The share of right answers over their probability, with intervals, before and after division by a temperature.

    Args:
        logits: (N, classes), of test.
        labels: int64 (N,).
        temperature: Above 0.
    """
    right, divisors = logits.argmax(1) == labels, {"before": 1.0, "after": temperature}
    return plot_reliability(
        {
            title: reliability((logits / divisor).softmax(1).amax(1), right)
            for title, divisor in divisors.items()
        }
    )


def plot_drift(drift: Mapping[tuple[str, float], tuple[float, float]]) -> Figure:
    """Accuracy and mean confidence as the world changes, a panel for each change.

    Args:
        drift: For each change and its level the accuracy and the mean probability of the answers, 0 to 1.
    """
    kinds = list(dict.fromkeys(kind for kind, _ in drift))
    with styled_figure(1, len(kinds), figsize=(4.3 * len(kinds), 3.6), sharey=True) as (figure, axes):
        for axis, kind in zip(axes[0], kinds, strict=True):
            levels = [level for what, level in drift if what == kind]
            right, sure = zip(*(drift[kind, level] for level in levels), strict=True)
            places = range(len(levels))
            axis.plot(places, sure, "s--", color=ORANGE, label="says, on average")
            axis.plot(places, right, "o-", color=BLUE, label="is right")
            axis.set_xticks(places, [f"{level:g}" for level in levels])
            axis.set(xlabel=kind, ylim=(0, 1))
            axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes[0, 0].set_ylabel("share of the pictures")
        axes[0, 0].legend(loc="lower left")
    return figure
