"""A threshold to move: who is found, who is missed, and what the errors cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ipywidgets import HTML, FloatSlider, IntSlider, VBox
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.notebook.described import image_tag
from course_utils.notebook.style import BLUE, GREY, ORANGE, VERMILION, styled_figure
from course_utils.notebook.widgets import Panel

PRICES = (1, 50)


@dataclass(frozen=True)
class Outcomes:
    """What becomes of studies at one threshold.

    Attributes:
        found: Ill and called ill.
        missed: Ill and called healthy.
        false_alarms: Healthy and called ill.
        cleared: Healthy and called healthy.
    """

    found: int
    missed: int
    false_alarms: int
    cleared: int

    @property
    def total(self) -> int:
        """All studies."""
        return self.found + self.missed + self.false_alarms + self.cleared

    @property
    def accuracy(self) -> float:
        """Share that is called what it is, 0 to 1."""
        return (self.found + self.cleared) / self.total

    @property
    def sensitivity(self) -> float:
        """Share of the ill that is found, 0 to 1; nan where nobody is ill."""
        return _share(self.found, self.missed)

    @property
    def specificity(self) -> float:
        """Share of the healthy that is cleared, 0 to 1; nan where nobody is healthy."""
        return _share(self.cleared, self.false_alarms)

    def cost(self, *, missed: float) -> float:
        """What the errors cost together, in false alarms, where a miss costs so many of them."""
        return self.missed * missed + self.false_alarms

    def __str__(self) -> str:
        return (
            f"{self.found} found, {self.missed} missed, {self.false_alarms} false alarms, {self.cleared} cleared; "
            f"sensitivity {self.sensitivity:.1%}, specificity {self.specificity:.1%}"
        )


def _share(part: float, rest: float) -> float:
    return part / (part + rest) if part + rest else float("nan")


def outcomes(scores: Tensor, labels: Tensor, *, threshold: float) -> Outcomes:
    """Call ill what reaches the threshold, and count.

    Args:
        scores: float (N,), 0 to 1.
        labels: int64 (N,), 1 for ill.
        threshold: Lowest score of an alarm.
    """
    alarm, ill = scores >= threshold, labels == 1
    counts = (alarm & ill, ~alarm & ill, alarm & ~ill, ~alarm & ~ill)
    return Outcomes(*(int(part.sum()) for part in counts))


def explore_threshold(scores: Tensor, labels: Tensor, *, missed: int = 10) -> Panel:
    """Sliders for the threshold and the price of a miss: the confusion and the cost follow.

    Args:
        scores: float (N,), 0 to 1, of studies that may be looked at as often as you like: val.
        labels: int64 (N,), 1 for ill.
        missed: What a missed illness costs at first, in false alarms.
    """
    start = cheapest_threshold(scores, labels, missed=missed)
    controls = {
        "threshold": FloatSlider(start, min=0, max=1, step=0.01, description="call ill from a score of"),
        "missed": IntSlider(missed, *PRICES, description="a miss costs so many false alarms"),
    }
    for control in controls.values():
        control.style.description_width = "initial"
        control.layout.width = "36em"
        control.continuous_update = False
    shown, said = HTML(), HTML()

    def show(_: object = None) -> None:
        threshold, price = controls["threshold"].value, controls["missed"].value
        figure = plot_threshold(scores, labels, threshold=threshold, missed=price)
        sentence = _in_words(scores, labels, threshold, price)
        shown.value, said.value = image_tag(figure, sentence), sentence

    for control in controls.values():
        control.observe(show, names="value")
    show()
    still = plot_threshold(scores, labels, threshold=start, missed=missed)
    return Panel(
        VBox([*controls.values(), shown, said]),
        still=still,
        text=_in_words(scores, labels, start, missed),
        controls={**controls, "shown": shown, "said": said},
    )


def cheapest_threshold(scores: Tensor, labels: Tensor, *, missed: float) -> float:
    """The threshold, to a hundredth, at which misses and false alarms cost least together."""
    candidates = [k / 100 for k in range(101)]
    return min(candidates, key=lambda t: outcomes(scores, labels, threshold=t).cost(missed=missed))


def _in_words(scores: Tensor, labels: Tensor, threshold: float, missed: float) -> str:
    found = outcomes(scores, labels, threshold=threshold)
    best = cheapest_threshold(scores, labels, missed=missed)
    least = outcomes(scores, labels, threshold=best).cost(missed=missed)
    return (
        f"From {threshold:.2f} on: {found}. Accuracy {found.accuracy:.1%}, cost {found.cost(missed=missed):,.0f} false "
        f"alarms; the cheapest threshold here, {best:.2f}, costs {least:,.0f}."
    )


def plot_threshold(scores: Tensor, labels: Tensor, *, threshold: float, missed: float) -> Figure:
    """Scores of the healthy and the ill around a threshold, the four outcomes, and the cost of every threshold."""
    with styled_figure(1, 3, figsize=(11, 3.4), width_ratios=(5, 3, 4)) as (figure, axes):
        left, middle, right = axes[0]
        bins = np.linspace(0, 1, 26)
        for axis_labels, colour, name in ((0, BLUE, "healthy"), (1, ORANGE, "ill")):
            left.hist(scores[labels == axis_labels].numpy(), bins, color=colour, alpha=0.65, label=name)
        left.axvline(threshold, color="black", lw=1.5)
        left.set(xlabel="score", ylabel="studies", xlim=(0, 1))
        left.legend(loc="upper right")
        _four(middle, outcomes(scores, labels, threshold=threshold))
        grid = np.linspace(0, 1, 101)
        costs = [outcomes(scores, labels, threshold=float(t)).cost(missed=missed) for t in grid]
        right.plot(grid, costs, color=GREY)
        cost = outcomes(scores, labels, threshold=threshold).cost(missed=missed)
        right.plot(threshold, cost, "o", color="black")
        right.set(xlabel="threshold", ylabel="cost in false alarms", xlim=(0, 1), ylim=(0, None))
    return figure


def _four(axis: Axes, found: Outcomes) -> None:
    """Counts of what is called what, right ones in blue and wrong ones in red."""
    cells = (
        (0, 0, found.found, "found", BLUE),
        (1, 0, found.missed, "missed", VERMILION),
        (0, 1, found.false_alarms, "false alarms", VERMILION),
        (1, 1, found.cleared, "cleared", BLUE),
    )
    for x, y, count, name, colour in cells:
        axis.text(x, y, f"{count}\n{name}", ha="center", va="center", fontsize=11, color=colour)
    axis.set(xlim=(-0.5, 1.5), ylim=(1.5, -0.5))
    axis.set_xticks((0, 1), ("called ill", "called\nhealthy"))
    axis.set_yticks((0, 1), ("ill", "healthy"))
    axis.grid(visible=False)
    axis.axhline(0.5, color=GREY, lw=0.8)
    axis.axvline(0.5, color=GREY, lw=0.8)
