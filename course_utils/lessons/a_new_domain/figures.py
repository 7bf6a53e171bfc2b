"""Figures on detectors of something rare: rates against each other, calibration, and how runs compare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from torch import Tensor
from torch.nn import functional as F

from course_utils.data import ImageSet, load_scan_mask
from course_utils.errors import CourseError
from course_utils.metrics.binary import (
    Outcomes,
    auroc,
    average_precision,
    calibration_table,
    precision_curve,
    roc_curve,
)
from course_utils.notebook.style import BLUE, GREEN, GREY, ORANGE, PICTURE_DPI, VERMILION, styled_figure

MARKS = ((BLUE, "o", "-"), (ORANGE, "s", "--"), (GREEN, "^", "-."), (VERMILION, "v", ":"))


def plot_rates(scores: Tensor, labels: Tensor, *, chosen: Outcomes | None = None) -> Figure:
    """What a detector finds against its false alarms (ROC), and how many alarms are right (precision-recall).

    Args:
        scores: float (N,), 0 to 1.
        labels: int64 (N,), 1 for ill.
        chosen: What one threshold comes to on the same studies; it is marked in both panels.
    """
    prevalence = labels.double().mean().item()
    with styled_figure(1, 2, figsize=(9.5, 4.0)) as (figure, axes):
        left, right = axes[0]
        curve = roc_curve(scores, labels)
        area = f"this detector, area {auroc(scores, labels):.2f}"
        left.plot(curve["false alarms"], curve.sensitivity, color=BLUE, label=area)
        left.plot([0, 1], [0, 1], ":", color=GREY, label="guessing, area 0.50")
        left.set(xlabel="share of the healthy that is alarmed", ylabel="share of the ill that is found")
        curve = precision_curve(scores, labels)
        area = f"this detector, area {average_precision(scores, labels):.2f}"
        right.plot(curve.sensitivity, curve.precision, color=BLUE, label=area)
        right.axhline(prevalence, ls=":", color=GREY, label=f"guessing, area {prevalence:.2f}")
        right.set(xlabel="share of the ill that is found", ylabel="share of the alarms that is right")
        if chosen is not None:
            name = "the threshold from val"
            left.plot(1 - chosen.specificity, chosen.sensitivity, "o", color=ORANGE, ms=9, label=name)
            right.plot(chosen.sensitivity, chosen.precision, "o", color=ORANGE, ms=9, label=name)
        for axis in (left, right):
            axis.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.04))
            axis.xaxis.set_major_formatter(PercentFormatter(1))
            axis.yaxis.set_major_formatter(PercentFormatter(1))
        left.legend(loc="lower right")
        right.legend(loc="lower left", bbox_to_anchor=(0, 0.18))
    return figure


def plot_calibration(sets: dict[str, tuple[Tensor, Tensor]], *, bins: int = 8) -> Figure:
    """For each of some sets the share that is ill against the mean score, in bins of equal width, with 95% intervals.

    Args:
        sets: Scores (N,) and labels (N,) by name, at most four.
        bins: How many.
    """
    with styled_figure(1, 1, figsize=(6.2, 4.2)) as (figure, axes):
        axis = axes[0, 0]
        axis.plot([0, 1], [0, 1], ":", color=GREY, label="a score that is a probability")
        for (name, (scores, labels)), (colour, mark, line) in zip(sets.items(), MARKS, strict=False):
            table = calibration_table(scores, labels, bins=bins)
            axis.plot(table.score, table.ill, color=colour, marker=mark, ls=line, label=name)
            axis.vlines(table.score, table.low, table.high, color=colour, alpha=0.35, lw=1.5)
        axis.set(xlabel="score", ylabel="share that is ill", xlim=(0, 1), ylim=(0, 1.02))
        axis.legend(loc="upper left")
    return figure


def plot_dots(frame: pd.DataFrame, *, row: str, value: str, labels: dict[str, str]) -> Figure:
    """A row a group, a dot a run, and a bar at the mean of each row.

    Args:
        frame: One line a run.
        row: Column with the group.
        value: Column with what is shown.
        labels: Of the axis by column; a column without one is called by its name.
    """
    groups = list(dict.fromkeys(frame[row]))
    with styled_figure(1, 1, figsize=(7.6, 0.42 * len(groups) + 1.2)) as (figure, axes):
        axis = axes[0, 0]
        for place, name in enumerate(groups):
            dots = frame[frame[row] == name][value]
            axis.plot(dots, [place] * len(dots), "o", color=BLUE, alpha=0.75)
            axis.plot([dots.mean()] * 2, [place - 0.3, place + 0.3], color=ORANGE, lw=3)
        axis.set_yticks(range(len(groups)), groups)
        axis.set_ylim(len(groups) - 0.5, -0.5)
        axis.set_xlabel(labels.get(value, value))
    return figure


def plot_by_size(
    frame: pd.DataFrame, *, values: Sequence[str], labels: dict[str, str], quantity: str
) -> Figure:
    """A panel a value: its mean for each model against training studies, with bars from worst to best seed.

    Args:
        frame: One line a run, with ``model`` and ``studies``.
        values: Columns.
        labels: Titles of the panels by column.
        quantity: What all the values are.
    """
    with styled_figure(1, len(values), figsize=(4.9 * len(values), 4.2), sharey=True) as (figure, axes):
        for axis, value in zip(axes[0], values, strict=True):
            for name, (colour, mark, line) in zip(frame.model.unique(), MARKS, strict=False):
                groups = frame[frame.model == name].groupby("studies")[value]
                mean = groups.mean()
                spread = [(mean - groups.min()).clip(0), (groups.max() - mean).clip(0)]
                axis.errorbar(
                    mean.index, mean, spread, color=colour, marker=mark, ls=line, capsize=4, label=name
                )
            axis.set(xscale="log", xlabel="training studies", title=labels.get(value, value))
            axis.set_xticks(sorted(frame.studies.unique()), sorted(frame.studies.unique()))
            axis.minorticks_off()
        axes[0, 0].set_ylabel(quantity)
        handles, names = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper center", ncols=3)
    return figure


NOTICE = "synthetic, not for clinical use"


def show_scans(
    images: ImageSet, indices: Sequence[int], *, captions: Sequence[str], outlined: bool = False
) -> Figure:
    """Studies side by side, six a row.

    Args:
        images: Where the studies are.
        indices: Which ones.
        captions: One for each.
        outlined: Whether what an anomaly changed is outlined.

    Raises:
        CourseError: No study, or another number of captions than of studies.
    """
    if not indices or len(indices) != len(captions):
        raise CourseError(
            f"There are {len(indices)} studies and {len(captions)} captions; expected one caption for each, "
            "and one study or more."
        )
    columns = min(6, len(indices))
    rows = -(-len(indices) // columns)
    with _pictures(rows, columns) as (figure, axes):
        for axis, k, caption in zip(axes.flat, indices, captions, strict=False):
            _scan(axis, images, k, caption)
            if outlined:
                _outline(axis, images.files[k])
    return figure


def show_evidence(images: ImageSet, maps: Tensor, places: Tensor, *, captions: Sequence[str]) -> Figure:
    """Studies in a row; below each what its places add to the verdict, and the strongest of them.

    Args:
        images: As many studies as maps.
        maps: float32 (N, h, w), evidence for illness minus evidence for health.
        places: int64 (N, 2), row and column in px of the stored pictures.
        captions: One for each.
    """
    side, reach = images.pixels.shape[-1], float(maps.abs().amax())
    fine = F.interpolate(maps[:, None], (side, side), mode="bicubic", align_corners=False)[:, 0]
    with _pictures(2, len(images)) as (figure, axes):
        for column, caption in enumerate(captions):
            _scan(axes[0, column], images, column, caption)
            _outline(axes[0, column], images.files[column])
            _scan(axes[1, column], images, column, "")
            axes[1, column].imshow(fine[column].numpy(), cmap="PuOr_r", vmin=-reach, vmax=reach, alpha=0.55)
            row, place = places[column].tolist()
            axes[1, column].plot(place, row, "o", ms=9, mfc="none", mec="black", mew=3.5)
            axes[1, column].plot(place, row, "o", ms=9, mfc="none", mec="white", mew=1.8)
    return figure


@contextmanager
def _pictures(rows: int, columns: int) -> Iterator[tuple[Figure, np.ndarray]]:
    """Empty frames for scans, above the notice that every figure of them carries."""
    size = (1.9 * columns, 2.05 * rows + 0.35)
    with styled_figure(rows, columns, figsize=size, dpi=PICTURE_DPI) as (figure, axes):
        for axis in axes.flat:
            axis.axis("off")
        yield figure, axes
        figure.supxlabel(NOTICE, fontsize=9, color=GREY)


def _scan(axis: Axes, images: ImageSet, k: int, caption: str) -> None:
    axis.imshow(images.pixels[k, 0].numpy(), cmap="gray", vmin=0, vmax=255)
    axis.set_title(caption, fontsize=9)


def _outline(axis: Axes, file: str) -> None:
    mask = load_scan_mask(file)
    if mask.any():
        axis.contour(mask.numpy().astype(float), levels=[0.5], colors=[ORANGE], linewidths=1.3)
