"""Figures that help to decide between the flavours: accuracy against pictures and cost, the decision guide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import PercentFormatter

from course_utils.experiments.flavours import FLAVOURS
from course_utils.experiments.results import RunResult, summary_table
from course_utils.teaching.described import DescribedFigure
from course_utils.teaching.style import BLUE, GREEN, GREY, ORANGE, STYLE, VERMILION

LOOKS = {
    "scratch": (VERMILION, "v", ":"),
    "scratch_short": ("black", "x", (0, (1, 3))),
    "scratch_best": (ORANGE, "s", "--"),
    "linear_probe": (GREEN, "^", "-."),
    "fine_tune": (BLUE, "o", "-"),
}


@dataclass(frozen=True)
class Published:
    """A learning curve that somebody else has measured.

    Attributes:
        label: What was done, and where it was published.
        images_per_class: Training pictures of each class.
        accuracies: Test accuracy at each size, 0 to 1.
    """

    label: str
    images_per_class: tuple[float, ...]
    accuracies: tuple[float, ...]


CUB_PUBLISHED = Published(
    "published: ResNet-50, fine-tuned,\nall 200 species\n(Transfer-Learning-Library)",
    tuple(share * 5994 / 200 for share in (0.15, 0.30, 0.50, 1.00)),
    (0.512, 0.646, 0.746, 0.818),
)
"""Of CUB-200-2011 with a share of its 5,994 training photos; the figures stand in the README of the library's benchmarks
(thuml/Transfer-Learning-Library)."""


def plot_learning_curves(
    results: Sequence[RunResult],
    *,
    live: Sequence[RunResult] = (),
    published: Published | None = None,
) -> Figure:
    """Test accuracy against training pictures a class: means with bars from the worst to the best seed.

    Args:
        results: Measured runs.
        live: Runs of the learner's own, drawn over them as open marks.
        published: Somebody else's curve, drawn in grey.
    """
    table, own = summary_table(results), pd.DataFrame([vars(run) for run in live])
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(FigureClass=DescribedFigure, figsize=(9.5, 4.4))
        for flavour, rows in _by_flavour(table):
            colour, mark, line = LOOKS[flavour]
            below, above = rows.test_accuracy - rows["worst seed"], rows["best seed"] - rows.test_accuracy
            spread = [below.clip(0), above.clip(0)]  # equal seeds have a mean a rounding error beside them
            axis.errorbar(
                rows.images_per_class, rows.test_accuracy, spread, color=colour, marker=mark, linestyle=line,
                markersize=7, capsize=4, label=FLAVOURS[flavour].label,
            )  # fmt: skip
            if len(own):
                mine = own[own.flavour == flavour]
                axis.plot(
                    mine.images_per_class, mine.test_accuracy, mark, color=colour, mfc="white", ms=13, mew=2.5
                )
        sizes = sorted(table.images_per_class.unique())
        if published:
            axis.plot(
                published.images_per_class, published.accuracies, "D--", color=GREY, label=published.label
            )
        axis.set(xscale="log", xlabel="training pictures a class", ylabel="test accuracy", ylim=(0, 1.02))
        axis.set_xticks(sizes, [f"{n:.2g}" if n < 10 else f"{n:.0f}" for n in sizes])
        axis.minorticks_off()
        axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        figure.legend(*axis.get_legend_handles_labels(), loc="outside right center")
        return _closed(figure)


def plot_cost(results: Sequence[RunResult]) -> Figure:
    """Test accuracy against seconds and against trained parameters, a mark for each flavour and size."""
    table = summary_table(results)
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(1, 2, FigureClass=DescribedFigure, figsize=(9.5, 4.2), sharey=True)
        for axis, column, label in (
            (axes[0], "seconds", "seconds to train, two cores"),
            (axes[1], "trainable_parameters", "parameters that train"),
        ):
            for flavour, rows in _by_flavour(table):
                _trail(axis, rows, column, flavour)
            axis.set(xscale="log", xlabel=label)
        axes[0].set_ylabel("test accuracy")
        axes[0].margins(y=0.1)  # the numbers stand below their marks
        axes[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=2)
        return _closed(figure)


def _by_flavour(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The rows of each flavour, in the order of :data:`~course_utils.experiments.flavours.FLAVOURS`."""
    for name in FLAVOURS:
        rows = table[table.flavour == name]
        if len(rows):
            yield name, rows


def _trail(axis: Axes, rows: pd.DataFrame, column: str, flavour: str) -> None:
    colour, mark, line = LOOKS[flavour]
    axis.plot(
        rows[column],
        rows.test_accuracy,
        color=colour,
        marker=mark,
        linestyle=line,
        label=FLAVOURS[flavour].label,
    )
    for row in (rows.iloc[0], rows.iloc[-1]):
        axis.annotate(
            f"{row.images_per_class:g}", (row[column], row.test_accuracy), xytext=(5, -11),
            textcoords="offset points", fontsize=8, color=GREY,
        )  # fmt: skip


@dataclass(frozen=True)
class _Box:
    x: float
    y: float
    text: str
    colour: str


_QUESTIONS = (
    _Box(0.20, 0.86, "Is there a model with weights\nwhose input looks at all like yours?", GREY),
    _Box(0.20, 0.55, "Fit the linear probe first:\nit costs one pass.\nGood enough?", GREY),
    _Box(0.20, 0.22, "Is the time limit, the memory or\nthe licence against fine-tuning?", GREY),
)
_ANSWERS = (
    _Box(
        0.78, 0.86, "Definition alone. Choose depth and size\nfor your pictures; expect to need many.", ORANGE
    ),
    _Box(0.78, 0.55, "Ship the probe.", GREEN),
    _Box(0.78, 0.22, "Stay with the probe, or collect\npictures of what it confuses.", GREEN),
)
_LAST = _Box(0.20, -0.08, "Fine-tune, and compare with the\nbest scratch run on your own test set.", BLUE)


def plot_decision_guide() -> Figure:
    """Which flavour to try first: three questions, from the cheapest to the dearest answer."""
    with plt.rc_context({**STYLE, "axes.grid": False}):
        figure, axis = plt.subplots(FigureClass=DescribedFigure, figsize=(9, 5.6))
        axis.axis("off")
        axis.set(xlim=(-0.02, 1.02), ylim=(-0.2, 1.0))
        drawn = {
            box: axis.text(
                box.x, box.y, box.text, ha="center", va="center", fontsize=11,
                bbox={"boxstyle": "round,pad=0.6", "facecolor": "white", "edgecolor": box.colour, "linewidth": 2},
            )
            for box in (*_QUESTIONS, *_ANSWERS, _LAST)
        }  # fmt: skip
        figure.canvas.draw()  # arrows go from edge to edge, and only now are the edges known
        for question, answer, says in zip(_QUESTIONS, _ANSWERS, ("no", "yes", "yes"), strict=True):
            _arrow(drawn[question], drawn[answer], says)
        for above, below, says in zip(_QUESTIONS, (*_QUESTIONS[1:], _LAST), ("yes", "no", "no"), strict=True):
            _arrow(drawn[above], drawn[below], says)
        return _closed(figure)


def _arrow(start: Text, end: Text, says: str) -> None:
    """An arrow from one box to another that stands below it or to its right."""
    axis = start.axes
    into_axis = axis.transData.inverted().transform_bbox
    one, other = (into_axis(box.get_bbox_patch().get_window_extent()) for box in (start, end))
    down = one.y0 > other.y1
    tail = (one.x0 + one.width / 2, one.y0) if down else (one.x1, one.y0 + one.height / 2)
    tip = (tail[0], other.y1) if down else (other.x0, tail[1])
    axis.annotate(
        "", tip, tail, arrowprops={"arrowstyle": "-|>", "color": GREY, "lw": 1.6, "shrinkA": 0, "shrinkB": 0}
    )
    middle = ((tail[0] + tip[0]) / 2, (tail[1] + tip[1]) / 2)
    axis.annotate(
        says, middle, xytext=(6, -4 if down else 6), textcoords="offset points", color=GREY, fontsize=11
    )


def _closed(figure: Figure) -> Figure:
    figure.canvas.draw()
    plt.close(figure)
    return figure
