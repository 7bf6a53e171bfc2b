"""Accuracy against pictures and cost, and a slider over the sizes of training set that were measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd
from ipywidgets import HTML, SelectionSlider, VBox
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from course_utils.errors import CourseError
from course_utils.experiments.flavours import FLAVOURS
from course_utils.experiments.results import RunResult, summary_table
from course_utils.notebook.described import describe, image_tag
from course_utils.notebook.style import BLUE, GREEN, GREY, ORANGE, VERMILION, styled_figure
from course_utils.notebook.widgets import Panel

LOOKS = {
    "scratch": (VERMILION, "v", ":"),
    "scratch_short": ("black", "x", (0, (1, 3))),
    "scratch_best": (ORANGE, "s", "--"),
    "linear_probe": (GREEN, "^", "-."),
    "fine_tune_short": ("#56B4E9", "P", (0, (1, 3))),
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
    with styled_figure(1, 1, figsize=(9.5, 4.4)) as (figure, ((axis,),)):
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
    return figure


def plot_cost(results: Sequence[RunResult]) -> Figure:
    """Test accuracy against seconds and against trained parameters, a mark for each flavour and size."""
    table = summary_table(results)
    with styled_figure(1, 2, figsize=(9.5, 4.2), sharey=True) as (figure, (axes,)):
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
    return figure


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


def explore_sizes(results: Sequence[RunResult]) -> Panel:
    """A slider over the sizes of training set that were measured: where each flavour stands, and how sure that is.

    Raises:
        CourseError: No results.
    """
    sizes = sorted({run.images_per_class for run in results})
    if not sizes:
        raise CourseError("There are no results to show; expected one run or more.")
    slider = SelectionSlider(options=sizes, value=sizes[0], description="pictures a class")
    slider.style.description_width = "initial"
    slider.layout.width = "36em"
    slider.continuous_update = False
    shown = HTML()

    def show(_: object = None) -> None:
        shown.value = image_tag(plot_sizes(results, [slider.value]))

    slider.observe(show, names="value")
    show()
    still = plot_sizes(results, sizes)
    text = f"Accuracies of the flavours by size of training set. {describe(still)}"
    return Panel(VBox([slider, shown]), still=still, text=text, controls={"slider": slider, "shown": shown})


def plot_sizes(results: Sequence[RunResult], sizes: Sequence[int]) -> Figure:
    """A panel a size: for each flavour a dot a seed, on the 95% interval of their mean."""
    table = summary_table(results)
    flavours = [name for name in FLAVOURS if (table.flavour == name).any()]
    width = 3.4 + 2.6 * len(sizes) if len(sizes) > 1 else 8.0
    with styled_figure(1, len(sizes), figsize=(width, 0.55 * len(flavours) + 1.2), sharey=True) as (
        figure,
        axes,
    ):
        for axis, size in zip(axes[0], sizes, strict=True):
            for row in table[table.images_per_class == size].itertuples():
                place = flavours.index(row.flavour)
                dots = [
                    run.test_accuracy
                    for run in results
                    if (run.images_per_class, run.flavour) == (size, row.flavour)
                ]
                axis.plot([row.low, row.high], [place] * 2, color=GREY, linewidth=5, alpha=0.4)
                axis.plot(dots, [place] * len(dots), "o", color=BLUE, alpha=0.8)
                axis.annotate(
                    f"{row.test_accuracy:.0%}", (row.test_accuracy, place), xytext=(0, 8),
                    textcoords="offset points", ha="center", color=BLUE,
                )  # fmt: skip
            axis.set(title=f"{size} a class", xlabel="test accuracy", xlim=(0, 1.03))
            axis.set_xticks([0.2, 0.4, 0.6, 0.8, 1.0])
            axis.xaxis.set_major_formatter(PercentFormatter(1))
        axes[0, 0].set_yticks(range(len(flavours)), [FLAVOURS[name].label for name in flavours])
        axes[0, 0].set_ylim(len(flavours) - 0.5, -0.8)
    return figure
