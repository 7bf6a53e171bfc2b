"""The figures of the lessons, readable small.

Each function returns a closed figure, so that it shows once when it ends a cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter
from PIL.Image import Image
from torch import Tensor
from torchvision.utils import make_grid

from course_utils.errors import CourseError
from course_utils.metrics.classification import confusion_counts
from course_utils.metrics.intervals import accuracy_interval
from course_utils.notebook.style import (
    BLUE,
    GREY,
    PICTURE_DPI,
    VERMILION,
    readable,
    readable_names,
    relatives_together,
    styled_figure,
)

Answers = Sequence[tuple[str, float]]
"""Names with probabilities (0 to 1), best first."""


def show_grid(pictures: Sequence[Tensor | Image], captions: Sequence[str], *, columns: int = 6) -> Figure:
    """Pictures in a grid, each above its caption.

    Args:
        pictures: uint8 (3, H, W), or as Pillow opens them.
        captions: One for each, with readable names: no underscores are shown.
        columns: Pictures a row.

    Raises:
        CourseError: No picture, or another number of captions than of pictures.
    """
    if not pictures:
        raise CourseError("There is no picture to show; expected one or more. Is the list of indices empty?")
    if len(pictures) != len(captions):
        raise CourseError(
            f"There are {len(pictures)} pictures and {len(captions)} captions; expected one for each."
        )
    rows = -(-len(pictures) // columns)
    lines = max(caption.count("\n") + 1 for caption in captions)
    side = 1.75 if columns > 4 else 2.3
    size = (side * columns, (side + 0.08 + 0.17 * lines) * rows)
    with styled_figure(rows, columns, figsize=size, dpi=PICTURE_DPI) as (figure, axes):
        for axis in axes.flat:
            axis.axis("off")
        for axis, picture, caption in zip(axes.flat, pictures, captions, strict=False):
            draw_picture(axis, picture)
            write_below(axis, caption.replace("_", " "))
    return figure


def show_filters(filters: Mapping[str, Tensor]) -> Figure:
    """First-layer filters (N, 3, k, k) of one or several models, as coloured tiles, eight a row.

    Each filter is scaled to its own largest weight; grey is zero.
    """
    with styled_figure(1, len(filters), figsize=(3.6 * len(filters), 3.9)) as (figure, axes):
        for axis, (name, weights) in zip(axes[0], filters.items(), strict=True):
            scaled = 0.5 + weights.float() / (2 * weights.float().abs().amax((1, 2, 3), keepdim=True))
            axis.imshow(make_grid(scaled, nrow=8, padding=1, pad_value=1.0).permute(1, 2, 0).numpy())
            axis.set_title(name)
            axis.axis("off")
    return figure


def plot_confusion(
    predicted: Tensor, labels: Tensor, classes: Sequence[str], *, pairs: Sequence[Sequence[str]] = ()
) -> Figure:
    """How many pictures of each species (rows) were given each name (columns); relatives stand side by side.

    Args:
        predicted: int64 (N,).
        labels: int64 (N,), of the same pictures in the same order.
        classes: Their names.
        pairs: Framed, where their first two names stand side by side.

    Raises:
        CourseError: Another number of predictions than of labels, or one that has no name.
    """
    if len(predicted) != len(labels):
        raise CourseError(
            f"There are {len(predicted)} predictions and {len(labels)} labels; expected one for each."
        )
    if (highest := max([-1, *predicted.tolist(), *labels.tolist()])) >= len(classes):
        raise CourseError(f"There is a class {highest}, but names for 0 to {len(classes) - 1} only.")
    number, order = len(classes), relatives_together(classes)
    counts = np.array(confusion_counts(predicted, labels, number))[np.ix_(order, order)]
    names = [readable_names(classes)[k] for k in order]
    plain = [readable(classes[k]) for k in order]
    with styled_figure(1, 1, figsize=(0.36 * number + 1.9, 0.33 * number + 1.4)) as (figure, axes):
        axis = axes[0, 0]
        axis.imshow(counts, cmap="Blues", aspect="auto")
        axis.grid(visible=False)
        for row, column in np.argwhere(counts + np.eye(number, dtype=int)):
            dark = counts[row, column] > counts.max() / 2
            axis.text(
                column, row, counts[row, column], ha="center", va="center", fontsize=9,
                color="white" if dark else "black",
            )  # fmt: skip
        for pair in pairs:
            places = sorted(plain.index(readable(name)) for name in pair[:2])
            if places[1] == places[0] + 1:
                corner = (places[0] - 0.5, places[0] - 0.5)
                axis.add_patch(Rectangle(corner, 2, 2, fill=False, edgecolor=VERMILION, lw=1.5))
        axis.set_xticks(range(number), names, rotation=40, ha="right", fontsize=9)
        axis.set_yticks(range(number), names, fontsize=9)
        axis.set(xlabel="named", ylabel="is")
    return figure


def plot_baselines(fixed: Mapping[str, float], learned: Mapping[str, float], *, number: int) -> Figure:
    """Accuracies of predictors, one below the other; those that were measured on the same pictures with their intervals.

    Args:
        fixed: For each label an accuracy, 0 to 1, that is shown without an interval.
        learned: For each label the accuracy, 0 to 1, of what was measured.
        number: Of test pictures.
    """
    accuracies = {**fixed, **learned}
    with styled_figure(1, 1, figsize=(7.5, 0.5 * len(accuracies) + 1.1)) as (figure, axes):
        axis = axes[0, 0]
        for row, (name, accuracy) in enumerate(accuracies.items()):
            low, high = accuracy_interval(accuracy, number)
            spread = [[accuracy - low], [high - accuracy]] if name in learned else None
            axis.errorbar(
                accuracy, row, xerr=spread, fmt="o", color=BLUE, ecolor=GREY, capsize=4, markersize=8
            )
            axis.annotate(
                f"{accuracy:.1%}", (accuracy, row), xytext=(0, 7), textcoords="offset points", ha="center"
            )
        axis.set_yticks(range(len(accuracies)), list(accuracies))
        axis.set_ylim(len(accuracies) - 0.5, -0.7)
        axis.set(xlabel="accuracy on test", xlim=(0, max(0.4, max(accuracies.values()) * 1.1)))
        axis.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return figure


def show_answers(picture: Tensor | Image, answers: Mapping[str, Answers]) -> Figure:
    """A picture, and beside it what each of some models calls it.

    Args:
        picture: uint8 (3, H, W), or as Pillow opens it.
        answers: For each model's label its names with probabilities (0 to 1), best first.
    """
    columns = 1 + len(answers)
    widths = [1.5, *[1.6] * len(answers)]
    with styled_figure(
        1, columns, figsize=(3.2 + 3.8 * len(answers), 2.8), width_ratios=widths, dpi=PICTURE_DPI
    ) as (figure, axes):
        draw_picture(axes[0, 0], picture)
        for axis, (label, pairs) in zip(axes[0, 1:], answers.items(), strict=True):
            _bars(axis, label, pairs)
    return figure


def _bars(axis: Axes, label: str, pairs: Answers) -> None:
    names, shares = zip(*pairs, strict=True)
    rows = range(len(names))
    axis.barh(rows, shares, color=BLUE, height=0.6)
    for row, share in zip(rows, shares, strict=True):
        inside = share > 0.7
        text = f"{share:.0%}" if share >= 0.01 else f"{share:.1%}"
        axis.annotate(
            text, (share, row), xytext=(-4 if inside else 4, 0), textcoords="offset points", va="center",
            ha="right" if inside else "left", color="white" if inside else "black", fontsize=10,
        )  # fmt: skip
    axis.set_yticks(rows, readable_names(names))
    axis.invert_yaxis()
    axis.set(xlim=(0, 1), title=label)
    axis.xaxis.set_major_formatter(PercentFormatter(1))
    axis.grid(visible=False)


def write_below(axis: Axes, caption: str) -> None:
    """Write a caption below a picture."""
    axis.set_title(caption, y=0, pad=-4, va="top", fontsize=9)


def draw_picture(axis: Axes, picture: Tensor | Image) -> None:
    """Draw a picture, uint8 (3, H, W) or as Pillow opens it, without a frame."""
    axis.imshow(picture.permute(1, 2, 0).numpy() if isinstance(picture, Tensor) else picture.convert("RGB"))
    axis.axis("off")


def _percent(axis: Axes) -> None:
    axis.yaxis.set_major_formatter(PercentFormatter(1))
