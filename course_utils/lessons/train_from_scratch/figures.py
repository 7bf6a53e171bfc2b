"""Figures of first steps: losses of a few steps, two losses side by side, the range test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from course_utils.notebook.style import (
    BLUE,
    GREY,
    ORANGE,
    styled_figure,
)
from course_utils.training import History, LearningRates


def plot_losses_side_by_side(histories: Mapping[str, History]) -> Figure:
    """Loss on train and val of several runs, a panel each, on one scale."""
    with styled_figure(1, len(histories), figsize=(3.4 * len(histories), 3.2), sharey=True) as (figure, axes):
        for axis, (name, history) in zip(axes[0], histories.items(), strict=True):
            frame = history.frame()
            axis.plot(frame.index, frame.train_loss, color=ORANGE, linestyle="--", label="train")
            axis.plot(frame.index, frame.val_loss, color=BLUE, label="val")
            axis.set(title=name, xlabel="epoch")
            axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes[0, 0].set(ylabel="loss", ylim=(0, 6))
        axes[0, 0].legend()
    return figure


def plot_losses(losses: Sequence[float], *, chance: float) -> Figure:
    """The loss at every step of a short run, beside the loss of guessing."""
    with styled_figure(1, 1, figsize=(6.5, 3.2)) as (figure, axes):
        axis = axes[0, 0]
        axis.plot(range(1, len(losses) + 1), losses, color=BLUE, label="loss on the one batch")
        axis.axhline(chance, color=GREY, linestyle=":", label="a guess among all classes")
        axis.set(xlabel="step", ylabel="loss", ylim=(0, None))
        axis.legend()
    return figure


def plot_learning_rates(found: LearningRates) -> Figure:
    """The loss while the learning rate rises; the suggested rate is marked."""
    with styled_figure(1, 1, figsize=(6.5, 3.2)) as (figure, axes):
        axis = axes[0, 0]
        axis.plot(found.rates, found.losses, color=BLUE)
        label = f"a tenth of the lowest point: {found.suggestion:.0e}"
        axis.axvline(found.suggestion, color=GREY, linestyle=":", label=label)
        axis.set(xscale="log", xlabel="learning rate", ylabel="loss, smoothed")
        axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return figure


def _percent(axis: Axes) -> None:
    axis.yaxis.set_major_formatter(PercentFormatter(1))
