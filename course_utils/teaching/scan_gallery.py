"""Scans as figures: with the outline of what an anomaly changed, and with what a network found where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional as F

from course_utils.data import ImageSet, load_scan_mask
from course_utils.errors import CourseError
from course_utils.teaching.style import GREY, ORANGE, PICTURE_DPI, styled_figure

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
