"""Figures of fine-tuning: how its recipe was chosen, what each way to a model comes to, and on which species."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, PercentFormatter

from course_utils.experiments.compare import measured
from course_utils.experiments.flavours import FLAVOURS
from course_utils.experiments.results import summary_table
from course_utils.experiments.studies import read_study
from course_utils.metrics.intervals import accuracy_interval
from course_utils.notebook.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    VERMILION,
    readable_names,
    relatives_together,
    styled_figure,
)

LOOKS = ((GREEN, "^"), (ORANGE, "s"), (BLUE, "o"), (VERMILION, "D"), (GREY, "x"))
ROWS = ("scratch", "scratch_short", "scratch_best", "linear_probe", "fine_tune_short", "fine_tune")
PER_CLASS = 10


def plot_rates_and_depths() -> Figure:
    """Val accuracy over the rate of the borrowed part, a line for each part that trains; a small mark is a seed.

    Marks of the same rate stand side by side; seconds are the median of a line's trainings.
    """
    curves: dict[str, dict[float, list[float]]] = {}
    seconds: dict[str, list[float]] = {}
    for run in read_study("rate_and_depth"):
        what, _, rate = run.label.rpartition(", ")
        curves.setdefault(what, {}).setdefault(float(rate), []).append(run.val_accuracy)
        seconds.setdefault(what, []).append(run.seconds)
    rates = sorted({rate for curve in curves.values() for rate in curve})
    with styled_figure(1, 1, figsize=(8.5, 4)) as (figure, axes):
        axis = axes[0, 0]
        for number, ((what, curve), (colour, mark)) in enumerate(zip(curves.items(), LOOKS, strict=True)):
            places = [rate * 1.05 ** (number - 2) for rate in curve]  # side by side
            for place, values in zip(places, curve.values(), strict=True):
                axis.plot([place] * len(values), values, mark, color=colour, markersize=4, alpha=0.5)
            means = [np.mean(values) for values in curve.values()]
            line = ":" if mark == "x" else "-"
            axis.plot(places, means, mark, color=colour, linestyle=line, markersize=8)
            axis.lines[-1].set_label(f"{what}: {np.median(seconds[what]):.0f} s")
        axis.axhline(1 / 18, color=GREY, linewidth=1, linestyle=":")
        axis.annotate("a guess", (rates[0], 1 / 18), xytext=(0, 4), textcoords="offset points", color=GREY)
        axis.set(
            xscale="log", xlabel="learning rate of the borrowed part", ylabel="val accuracy", ylim=(0, 1)
        )
        axis.set_xticks(rates, [f"{rate:g}" for rate in rates])
        axis.xaxis.set_minor_locator(NullLocator())
        axis.yaxis.set_major_formatter(PercentFormatter(1))
        figure.legend(
            *axis.get_legend_handles_labels(), loc="outside right center", title="what trains, and how long"
        )
    return figure


def plot_flavours(own: Mapping[str, float], number: int, *, drawn: bool, per_class: int) -> Figure:
    """What each way to a model comes to on test: the learner's, and what was measured beforehand on drawings and on photos.

    Args:
        own: Accuracy, 0 to 1, by flavour.
        number: Of the learner's test pictures.
        drawn: Whether they are the bundled birds.
        per_class: Training pictures of each class.
    """
    beforehand = {data: _beforehand(data) for data in ("fieldguide", "cub_subset")}
    rows = [name for name in ROWS if name in own or name in beforehand["fieldguide"]]
    with styled_figure(1, 2, figsize=(10, 0.55 * len(rows) + 1.6), sharey=True) as (figure, axes):
        left, right = axes[0]
        if drawn:
            others = [name for name in rows if name not in own]
            _dots(
                left,
                rows,
                beforehand["fieldguide"],
                "measured beforehand, mean of three seeds",
                GREY,
                "D",
                named=others,
            )
        spans = {name: (accuracy, *accuracy_interval(accuracy, number)) for name, accuracy in own.items()}
        _dots(left, rows, spans, "yours, with its 95% interval", BLUE, "o", named=rows)
        left.set_title("drawn birds" if drawn else "your pictures")
        _dots(
            right,
            rows,
            beforehand["cub_subset"],
            "measured beforehand, mean of two seeds",
            GREY,
            "D",
            named=rows,
        )
        if not drawn:
            _dots(right, rows, beforehand["fieldguide"], "drawn birds, beforehand", ORANGE, "s")
        right.set_title("photos of 20 species")
        for name in set(rows) - set(beforehand["cub_subset"]):
            right.annotate("not measured", (0.03, rows.index(name)), color=GREY, va="center")
        left.set_yticks(range(len(rows)), [FLAVOURS[name].label for name in rows])
        left.set_ylim(len(rows) - 0.5, -0.6)
        for axis in (left, right):
            axis.set(xlim=(0, 1.02), xlabel="accuracy on test")
            axis.xaxis.set_major_formatter(PercentFormatter(1))
        handles = {
            label: h
            for axis in (left, right)
            for h, label in zip(*axis.get_legend_handles_labels(), strict=True)
        }
        figure.legend(handles.values(), handles, loc="outside lower center", ncols=len(handles))
        figure.suptitle(_in_words(own, beforehand["fieldguide"] if drawn else {}, per_class))
    return figure


def _beforehand(data: str) -> dict[str, tuple[float, float, float]]:
    """Mean accuracy and its 95% interval by flavour, at ten pictures a class."""
    table = summary_table([run for run in measured(data).results if run.images_per_class == PER_CLASS])
    return {row.flavour: (row.test_accuracy, row.low, row.high) for row in table.itertuples()}


def _in_words(
    own: Mapping[str, float], beforehand: Mapping[str, tuple[float, float, float]], per_class: int
) -> str:
    found = {name: accuracy for name, (accuracy, *_) in beforehand.items()} | dict(own)
    words = {"scratch_best": "from scratch", "linear_probe": "probe", "fine_tune_short": "fine-tuned"}
    said = [f"{label} {found[name]:.0%}" for name, label in words.items() if name in found]
    data = "Drawn birds" if beforehand else "Your pictures"
    return f"{data}, {per_class} of each kind: {', '.join(said)}"


def _dots(
    axis: Axes,
    rows: Sequence[str],
    spans: Mapping[str, tuple[float, float, float]],
    label: str,
    colour: str,
    mark: str,
    *,
    named: Sequence[str] = (),
) -> None:
    """A mark for each flavour with the span of its interval; with its number above for those that are ``named``."""
    for name, (middle, low, high) in spans.items():
        place = (middle, rows.index(name))
        axis.errorbar(
            *place,
            xerr=[[middle - low], [high - middle]],
            fmt=mark,
            color=colour,
            capsize=4,
            markersize=7,
            label=label,
        )
        if name in named:
            axis.annotate(
                f"{middle:.0%}", place, xytext=(0, 8), textcoords="offset points", ha="center", color=colour
            )


def plot_per_class(accuracies: Mapping[str, Sequence[float]], classes: Sequence[str]) -> Figure:
    """Accuracy of each species for two or three models, as dots on a line each.

    Args:
        accuracies: For each model's label one accuracy (0 to 1) a class.
        classes: Class names.
    """
    marks = zip(
        ("o", "s", "^"), (ORANGE, BLUE, GREEN), (11, 7, 7), strict=True
    )  # the first may lie under the others
    with styled_figure(1, 1, figsize=(8, 0.36 * len(classes) + 1.2)) as (figure, axes):
        axis = axes[0, 0]
        rows, order = np.arange(len(classes)), relatives_together(classes)
        table = np.array(list(accuracies.values()))[:, order]
        axis.hlines(rows, table.min(0), table.max(0), color="#bbbbbb", linewidth=3)
        for label, values, (mark, colour, size) in zip(accuracies, table, marks, strict=False):
            axis.plot(values, rows, mark, color=colour, markersize=size, label=label, linestyle="none")
        axis.set_yticks(rows, [readable_names(classes)[k] for k in order])
        axis.invert_yaxis()
        axis.set(xlabel="accuracy", xlim=(-0.03, 1.03))
        axis.xaxis.set_major_formatter(PercentFormatter(1))
        axis.legend(
            loc="upper center", bbox_to_anchor=(0.5, 1 + 0.5 / len(classes) + 0.03), ncols=len(accuracies)
        )
    return figure
