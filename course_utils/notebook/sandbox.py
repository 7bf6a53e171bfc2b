"""Choices to try out in a lesson without waiting: every position of a slider was trained beforehand."""

from __future__ import annotations

from collections.abc import Sequence

from ipywidgets import HTML, SelectionSlider, VBox
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from course_utils.errors import CourseError
from course_utils.experiments.studies import StudyRun, read_study, study_table
from course_utils.notebook.described import image_tag
from course_utils.notebook.style import BLUE, GREY, ORANGE, styled_figure
from course_utils.notebook.widgets import Panel


def explore_study(study: str | Sequence[StudyRun], *, choice: str, start: str | None = None) -> Panel:
    """A slider over the variants of a study: their curves, and where they stand among the others.

    Args:
        study: The name of one that comes with the course, or its runs.
        choice: What varies, for instance ``"learning rate"``.
        start: The variant shown first; by default the first one.

    Raises:
        CourseError: No runs, or no variant of that name.
    """
    runs = read_study(study) if isinstance(study, str) else study
    labels = list(dict.fromkeys(run.label for run in runs))
    if not labels or start not in (None, *labels):
        raise CourseError(f"The study has no variant {start!r}; it has: {', '.join(labels) or 'none'}.")
    slider = SelectionSlider(options=labels, value=start or labels[0], description=choice)
    slider.style.description_width = "initial"
    slider.layout.width = "36em"
    slider.continuous_update = False
    shown, said = HTML(), HTML()

    def show(_: object = None) -> None:
        shown.value = image_tag(plot_variant(runs, slider.value, choice))
        said.value = _cost(runs, slider.value)

    slider.observe(show, names="value")
    show()
    still = plot_study(runs, choice)
    controls = {"slider": slider, "shown": shown, "said": said}
    means = (f"{label} {mean:.0%}" for label, mean in study_table(runs)["val accuracy"].items())
    text = f"Loss curves of each {choice}, and what val accuracy it comes to: {', '.join(means)}."
    return Panel(VBox([slider, shown, said]), still=still, text=text, controls=controls)


def plot_variant(runs: Sequence[StudyRun], label: str, choice: str) -> Figure:
    """One variant of a study: the loss of each seed, and its val accuracy among the other variants'."""
    with styled_figure(1, 2, figsize=(9.5, 3.4), width_ratios=(3, 2)) as (figure, axes):
        _losses(axes[0, 0], runs, label)
        axes[0, 0].set_title(f"{choice}: {label}")
        axes[0, 0].set_ylabel("loss")
        axes[0, 0].legend()
        _accuracies(axes[0, 1], runs, label)
    return figure


def plot_study(runs: Sequence[StudyRun], choice: str) -> Figure:
    """All variants of a study: the loss of each seed in a panel each, and the val accuracies side by side."""
    labels = list(dict.fromkeys(run.label for run in runs))
    with styled_figure(1, len(labels) + 1, figsize=(2.0 * len(labels) + 2.9, 3.2)) as (figure, axes):
        for axis, label in zip(axes[0], labels, strict=False):
            _losses(axis, runs, label)
            axis.set_title(label, fontsize=10)
            axis.sharey(axes[0, 0])
            axis.tick_params(labelleft=axis is axes[0, 0])
        axes[0, 0].set_ylabel("loss")
        axes[0, 0].legend(fontsize=9)
        _accuracies(axes[0, -1], runs, None)
        figure.suptitle(choice)
    return figure


def _losses(axis: Axes, runs: Sequence[StudyRun], label: str) -> None:
    mine = [run for run in runs if run.label == label]
    for number, run in enumerate(mine):
        frame = run.history.frame()
        names = ("train", "val") if number == 0 else ("_train", "_val")
        axis.plot(frame.index, frame.train_loss, color=ORANGE, linestyle="--", linewidth=1.5, label=names[0])
        axis.plot(frame.index, frame.val_loss, color=BLUE, linewidth=1.5, label=names[1])
    axis.set(xlabel="epoch", ylim=(0, 4))
    axis.xaxis.set_major_locator(MaxNLocator(4, integer=True))


def _accuracies(axis: Axes, runs: Sequence[StudyRun], chosen: str | None) -> None:
    """A row a variant, a dot a seed."""
    table = study_table(runs)
    for row, (label, mean) in enumerate(table["val accuracy"].items()):
        colour = BLUE if chosen in (None, label) else GREY
        values = [run.val_accuracy for run in runs if run.label == label]
        axis.plot(values, [row] * len(values), "o", color=colour, alpha=0.8, label=f"_{label}")
        axis.annotate(
            f"{mean:.0%}", (mean, row), xytext=(0, 7), textcoords="offset points", ha="center", color=colour
        )
    axis.set_yticks(range(len(table)), list(table.index))
    axis.set_ylim(len(table) - 0.5, -0.7)
    axis.set(xlabel="val accuracy, a dot a seed", xlim=(0, 1.03))
    axis.xaxis.set_major_formatter(PercentFormatter(1))


def _cost(runs: Sequence[StudyRun], label: str) -> str:
    row = study_table(runs).loc[label]
    seeds = (
        f"on average ({row['worst seed']:.1%} to {row['best seed']:.1%} over {row['seeds']:.0f} seeds)"
        if row["seeds"] > 1
        else "(one seed)"
    )
    return (
        f"{label}: val accuracy {row['val accuracy']:.1%} {seeds}, {row['seconds']:.0f} s, "
        f"{row['parameters that train']:,.0f} parameters train."
    )
