"""Figures in which pictures stand beside what is said of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import PercentFormatter
from torch import Tensor

from course_utils.data import BirdSplits, ImageSet, Pair, Twin
from course_utils.teaching.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PICTURE_DPI,
    VERMILION,
    readable,
    relatives_together,
    styled_figure,
)  # fmt: skip

Answers = Sequence[tuple[str, float]]
MARKS = ((ORANGE, "o"), (BLUE, "s"), (GREEN, "^"))


def show_answers(picture: Tensor, answers: Mapping[str, Answers]) -> Figure:
    """A picture, and beside it what each of some models calls it.

    Args:
        picture: uint8 (3, H, W).
        answers: For each model's label its names with probabilities (0 to 1), best first.
    """
    columns = 1 + len(answers)
    widths = [1.0, *[1.6] * len(answers)]
    with styled_figure(
        1, columns, figsize=(2.4 + 3.9 * len(answers), 2.5), width_ratios=widths, dpi=PICTURE_DPI
    ) as (figure, axes):
        _show(axes[0, 0], picture)
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
    axis.set_yticks(rows, [readable(name) for name in names])
    axis.invert_yaxis()
    axis.set(xlim=(0, 1), title=label)
    axis.xaxis.set_major_formatter(PercentFormatter(1))
    axis.grid(visible=False)


def show_pairs(pairs: Sequence[tuple[Tensor, Tensor]], captions: Sequence[tuple[str, str]]) -> Figure:
    """Pairs of pictures, one above the other, a column each, with a caption above each picture.

    Args:
        pairs: uint8 (3, H, W), two each.
        captions: Two each.
    """
    with styled_figure(2, len(pairs), figsize=(1.9 * len(pairs), 4.5), dpi=PICTURE_DPI) as (figure, axes):
        for column, (pictures, names) in enumerate(zip(pairs, captions, strict=True)):
            for row in (0, 1):
                _show(axes[row, column], pictures[row])
                axes[row, column].set_title(names[row], fontsize=9)
    return figure


def show_look_alikes(images: ImageSet, pairs: Sequence[Pair]) -> Figure:
    """The first picture of each species of some pairs; the lower caption names the mark that decides."""

    def first_of(name: str) -> Tensor:
        return images.pixels[images.labels.tolist().index(images.classes.index(name))]

    pictures = [(first_of(pair.classes[0]), first_of(pair.classes[1])) for pair in pairs]
    names = [[readable(name) for name in pair.classes] for pair in pairs]
    marks = [readable(pair.mark) for pair in pairs]
    return show_pairs(pictures, [(a, f"{b}\n({mark})") for (a, b), mark in zip(names, marks, strict=True)])


def show_parts(picture: Tensor, note: pd.Series) -> Figure:
    """A picture with what is known of it: the box around the bird, and its visible parts by name.

    Args:
        picture: uint8 (3, H, W), kept at the size of its file.
        note: Its line of :func:`~course_utils.data.load_annotations`.
    """
    with styled_figure(1, 1, figsize=(5.2, 5.2), dpi=PICTURE_DPI) as (figure, axes):
        axis = axes[0, 0]
        _show(axis, picture)
        left, top, right, bottom = (note[side] for side in ("left", "top", "right", "bottom"))
        axis.add_patch(
            Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor="white", lw=1.5)
        )
        parts = [name.removesuffix("_visible") for name in note.index if name.endswith("_visible")]
        for part in parts:
            if part == "mark" or not note[f"{part}_visible"]:
                continue
            point = (note[f"{part}_x"], note[f"{part}_y"])
            axis.plot(*point, "o", ms=4, mfc=ORANGE, mec="black", mew=0.6)
            axis.annotate(
                part, point, xytext=(5, 3), textcoords="offset points", fontsize=9, color="white",
                path_effects=[withStroke(linewidth=2, foreground="black")],
            )  # fmt: skip
        axis.set_title(
            f"{note['species']}: {note['sex']}, {note['age']}, {readable(note['pose'])}", fontsize=10
        )
    return figure


def show_twin(twin: Twin) -> Figure:
    """The same bird without a mark and with it, and the pixels that changed, outlined."""
    titles = [*(readable(name) for name in twin.classes), f"what changed: {readable(twin.mark)}"]
    with styled_figure(1, 3, figsize=(9.6, 3.5), dpi=PICTURE_DPI) as (figure, axes):
        pictures = (twin.without, twin.with_mark, twin.with_mark)
        for axis, picture, title in zip(axes[0], pictures, titles, strict=True):
            _show(axis, picture)
            axis.set_title(title, fontsize=10)
        axes[0, 2].contour(twin.changed.float().numpy(), levels=[0.5], colors=VERMILION, linewidths=1.5)
    return figure


def show_mistakes(images: ImageSet, answers: Mapping[str, Tensor], number: int = 6) -> Figure | str:
    """The pictures in which the first of some models was surest of a wrong name, and what all of them say.

    Args:
        images: Of the data set that was judged.
        answers: For each model's label its logits (N, classes), in the order of the pictures.
        number: Pictures at most.

    Returns:
        The figure; a sentence where the first model made no mistake.
    """
    shares = {label: logits.softmax(1) for label, logits in answers.items()}
    first = next(iter(shares.values()))
    wrong = (first.argmax(1) != images.labels).nonzero().flatten()
    if not len(wrong):
        return f"The {next(iter(answers))} named all {len(images)} pictures rightly: there is no mistake to show."
    worst = wrong[first[wrong].max(1).values.argsort(descending=True)][:number].tolist()
    with styled_figure(1, len(worst), figsize=(2.1 * len(worst), 2.9), dpi=PICTURE_DPI) as (figure, axes):
        for axis, place in zip(axes[0], worst, strict=True):
            _show(axis, images.pixels[place])
            lines = [readable(images.classes[images.labels[place]]).upper()]
            for label, share in shares.items():
                name = readable(images.classes[share[place].argmax()])
                lines.append(f"{label}:\n{name}, {share[place].max():.0%}")
            axis.set_title("\n".join(lines), fontsize=9)
    return figure


def plot_counts(birds: BirdSplits) -> Figure:
    """Pictures of each class in train, val and test: dots on a line for each class."""
    order = relatives_together(birds.classes)
    rows = np.arange(len(order))
    with styled_figure(1, 1, figsize=(8, 0.34 * len(order) + 1.3)) as (figure, axes):
        axis = axes[0, 0]
        for (colour, mark), images, offset in zip(MARKS, birds, (-0.2, 0.0, 0.2), strict=True):
            counts = list(images.counts().values())
            axis.plot(
                [counts[k] for k in order],
                rows + offset,
                mark,
                color=colour,
                markersize=7,
                label=images.split,
            )
        axis.set_yticks(rows, [readable(birds.classes[k]) for k in order])
        axis.invert_yaxis()
        axis.set(xlabel="pictures", xlim=(0, None))
        axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    return figure


def plot_baselines(baselines: Mapping[str, tuple[float, float, float]]) -> Figure:
    """Accuracies of simple predictors with their intervals.

    Args:
        baselines: For each label accuracy, low and high end of its interval, 0 to 1.
    """
    rows = np.arange(len(baselines))
    values = np.array(list(baselines.values()))
    with styled_figure(1, 1, figsize=(7.5, 0.5 * len(baselines) + 1.1)) as (figure, axes):
        axis = axes[0, 0]
        spread = np.abs(values[:, 1:].T - values[:, 0])
        axis.errorbar(
            values[:, 0], rows, xerr=spread, fmt="o", color=BLUE, ecolor=GREY, capsize=4, markersize=8
        )
        for row, value in zip(rows, values[:, 0], strict=True):
            axis.annotate(
                f"{value:.1%}", (value, row), xytext=(0, 7), textcoords="offset points", ha="center"
            )
        axis.set_yticks(rows, list(baselines))
        axis.set_ylim(len(baselines) - 0.5, -0.7)
        axis.set(xlabel="accuracy on test", xlim=(0, max(0.5, values.max() * 1.1)))
        axis.xaxis.set_major_formatter(PercentFormatter(1))
    return figure


def _show(axis: Axes, picture: Tensor) -> None:
    axis.imshow(picture.permute(1, 2, 0).numpy())
    axis.axis("off")
