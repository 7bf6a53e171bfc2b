"""Accuracy against pictures, and what one flavour gains over another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from course_utils.experiments.flavours import FLAVOURS
from course_utils.experiments.results import RunResult, paired_gains, summary_table
from course_utils.notebook.style import BLUE, GREEN, GREY, ORANGE, VERMILION, styled_figure

LOOKS = {
    "scratch": (VERMILION, "v", ":"),
    "scratch_short": ("black", "x", (0, (1, 3))),
    "scratch_best": (ORANGE, "s", "--"),
    "linear_probe": (GREEN, "^", "-."),
    "fine_tune_short": ("#56B4E9", "P", (0, (1, 3))),
    "fine_tune": (BLUE, "o", "-"),
}


CUB_PUBLISHED = {
    5994 / 200 * share: accuracy
    for share, accuracy in ((0.15, 0.512), (0.3, 0.646), (0.5, 0.746), (1, 0.818))
}
"""Accuracy by training photos a class, of CUB-200-2011's 5,994; the figures stand in the README of the benchmarks of
thuml/Transfer-Learning-Library."""
CUB_LABEL = "published: ResNet-50, fine-tuned,\nall 200 species\n(Transfer-Learning-Library)"


def plot_learning_curves(results: Sequence[RunResult], *, published: bool = False) -> Figure:
    """Test accuracy against training pictures a class: means with bars from the worst to the best seed.

    Args:
        results: Measured runs.
        published: Whether :data:`CUB_PUBLISHED` is drawn beside them, in grey.
    """
    table = summary_table(results)
    with styled_figure(1, 1, figsize=(9.5, 4.4)) as (figure, ((axis,),)):
        for flavour, rows in _by_flavour(table):
            colour, mark, line = LOOKS[flavour]
            below, above = rows.test_accuracy - rows["worst seed"], rows["best seed"] - rows.test_accuracy
            spread = [below.clip(0), above.clip(0)]  # equal seeds have a mean a rounding error beside them
            axis.errorbar(
                rows.images_per_class, rows.test_accuracy, spread, color=colour, marker=mark, linestyle=line,
                markersize=7, capsize=4, label=FLAVOURS[flavour].label,
            )  # fmt: skip
        if published:
            axis.plot(list(CUB_PUBLISHED), list(CUB_PUBLISHED.values()), "D--", color=GREY, label=CUB_LABEL)
        axis.set_ylim(0, 1.02)
        _over_sizes(axis, table.images_per_class)
        axis.set_ylabel("test accuracy")
        figure.legend(*axis.get_legend_handles_labels(), loc="outside right center")
    return figure


DUELS = {
    ("fine_tune", "scratch_best"): (BLUE, "o"),
    ("linear_probe", "scratch_best"): (GREEN, "^"),
    ("fine_tune", "linear_probe"): ("black", "s"),
}


def plot_gains(measured: Mapping[str, Sequence[RunResult]]) -> Figure:
    """What one flavour gains over another within a seed: a small mark a seed, and where there are three the 95% interval.

    Args:
        measured: Runs by the name of their data: a panel each.
    """
    with styled_figure(1, len(measured), figsize=(10, 4.2), sharey=True) as (figure, (axes,)):
        for axis, (name, results) in zip(axes, measured.items(), strict=True):
            gains = paired_gains(results, list(DUELS))
            for place, ((one, other), (colour, mark)) in enumerate(DUELS.items()):
                rows = gains.loc[f"{one} over {other}"]
                label = f"{FLAVOURS[one].label} over\n{FLAVOURS[other].label.removeprefix('pre-trained, ')}"
                for number, row in rows.iterrows():
                    where = number * 1.06 ** (place - 1)  # side by side
                    axis.plot([where] * len(row.seeds), row.seeds, mark, color=colour, markersize=5)
                    if len(row.seeds) > 2:
                        axis.plot([where] * 2, [row.low, row.high], color=colour, linewidth=1.5)
                axis.plot([], [], mark, color=colour, label=label)
            axis.axhline(0, color=GREY, linewidth=1)
            axis.set_title(name)
            _over_sizes(axis, gains.index.get_level_values("pictures a class"))
            axis.yaxis.set_major_formatter(lambda gain, _: f"{100 * gain:+.0f}" if gain else "0")
        axes[0].set_ylabel("gain, in percentage points")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(DUELS))
    return figure


def _over_sizes(axis: Axes, sizes: Iterable[float]) -> None:
    """Training pictures a class, each size with its number, under shares of a hundred."""
    ticks = sorted(set(sizes))
    axis.set(xscale="log", xlabel="training pictures a class")
    axis.set_xticks(ticks, [f"{n:.2g}" if n < 10 else f"{n:.0f}" for n in ticks])
    axis.minorticks_off()
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))


def _by_flavour(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The rows of each flavour, in the order of :data:`~course_utils.experiments.flavours.FLAVOURS`."""
    for name in FLAVOURS:
        rows = table[table.flavour == name]
        if len(rows):
            yield name, rows
