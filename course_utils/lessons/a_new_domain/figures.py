"""Pictures of scans: as they are, with what an anomaly changed, and with where a network found its evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from course_utils import paths
from course_utils.data import load_scan_mask
from course_utils.errors import CourseError
from course_utils.notebook.style import BLUE, GREY, ORANGE, PICTURE_DPI, VERMILION, styled_figure

NOTICE = "synthetic, not for clinical use"
EVIDENCE = ListedColormap([BLUE, VERMILION], "evidence")
COLUMNS = 3
CLEAR = 0.25
"""Share of the strongest evidence in a figure below which no place is ringed."""


def show_scans(
    files: Sequence[str], captions: Sequence[str] | None = None, *, outlined: bool = False
) -> Figure:
    """Studies of the bundled scans, three a row.

    Args:
        files: Below data/scans, such as ``"val/P0401_1.webp"``.
        captions: One for each; None counts them from 1.
        outlined: Whether what an anomaly changed is outlined.

    Raises:
        CourseError: No study, or another number of captions than of studies.
    """
    captions = [str(k) for k in range(1, len(files) + 1)] if captions is None else list(captions)
    _check(files, captions)
    with _pictures(len(files)) as (figure, axes):
        for axis, file, caption in zip(axes, files, captions, strict=False):
            _scan(axis, file, caption)
            if outlined:
                _outline(axis, file)
    return figure


def show_evidence(files: Sequence[str], maps: Tensor, captions: Sequence[str]) -> Figure:
    """Studies three a row, coloured by what their places add to a verdict; the strongest place is ringed, if it says much.

    Args:
        files: Below data/scans.
        maps: float32 (N, h, w), evidence for illness minus evidence for health.
        captions: One for each.

    Raises:
        CourseError: No study, or another number of maps or captions than of studies.
    """
    _check(files, captions)
    _check(files, maps)
    reach = float(maps.abs().amax())
    with _pictures(len(files) + 1) as (figure, axes):
        for axis, file, values, caption in zip(axes, files, maps, captions, strict=False):
            side = _scan(axis, file, caption)
            fine = F.interpolate(values[None, None], (side, side), mode="bilinear", align_corners=False)
            share = (fine[0, 0] / reach).clamp(-1, 1).numpy()
            _colour(axis, share)
            _outline(axis, file)
            if values.max() < CLEAR * reach:
                continue
            row, column = divmod(int(values.argmax()), values.shape[1])
            place = ((column + 0.5) * side / values.shape[1], (row + 0.5) * side / values.shape[0])
            for colour, width in (("black", 3.5), ("white", 1.8)):
                axis.plot(*place, "o", ms=13, mfc="none", mec=colour, mew=width)
        _colour_key(axes[len(files)], reach)
    return figure


def _check(files: Sequence[str], others: Sequence[str] | Tensor) -> None:
    if not len(files) or len(files) != len(others):
        raise CourseError(
            f"There are {len(files)} studies and {len(others)} captions or maps; expected one for each study, and one "
            "study or more."
        )


@contextmanager
def _pictures(number: int) -> Iterator[tuple[Figure, np.ndarray]]:
    """Empty frames for scans, above the notice that every figure of them carries."""
    columns = min(COLUMNS, number)
    rows = -(-number // columns)
    size = (4.0 * columns, 4.25 * rows + 0.35)
    with styled_figure(rows, columns, figsize=size, dpi=PICTURE_DPI) as (figure, axes):
        for axis in axes.flat:
            axis.axis("off")
        yield figure, axes.flat
        figure.supxlabel(NOTICE, fontsize=11, color=GREY)


def _scan(axis: Axes, file: str, caption: str) -> int:
    """Show a study; its side in px."""
    with Image.open(paths.data_dir() / "scans" / file) as picture:
        grey = np.array(picture.convert("L"))
    axis.imshow(grey, cmap="gray", vmin=0, vmax=255, interpolation="bicubic")
    axis.set_title(caption, fontsize=13)
    return len(grey)


def _outline(axis: Axes, file: str) -> None:
    mask = load_scan_mask(file)
    if mask.any():
        axis.contour(mask.numpy().astype(float), levels=[0.5], colors=[ORANGE], linewidths=1.6)


def _colour(axis: Axes, share: np.ndarray, **options: object) -> None:
    """Lay evidence, -1 to 1, over what is there: the stronger, the less shines through."""
    axis.imshow(EVIDENCE(share > 0), alpha=0.8 * np.abs(share) ** 0.7, **options)


def _colour_key(axis: Axes, reach: float) -> None:
    """What the colours mean, as a column of them."""
    axis.set(xlim=(0, 1), ylim=(0, 1))
    _colour(axis, np.linspace(1, -1, 64)[:, None], extent=(0.1, 0.2, 0.3, 0.9), aspect="auto")
    for height, text in (
        (0.9, f"+{reach:.1f}: speaks for illness"),
        (0.6, "0: says nothing"),
        (0.3, f"-{reach:.1f}: speaks for health"),
    ):
        axis.text(0.25, height, text, va="center", fontsize=13)
    axis.plot(0.15, 0.17, "o", ms=13, mfc="none", mec="black", mew=2)
    axis.text(0.25, 0.17, "the strongest place, if clear", va="center", fontsize=13)
    axis.plot([0.1, 0.2], [0.06, 0.06], color=ORANGE, lw=2)
    axis.text(0.25, 0.06, "what the anomaly changed", va="center", fontsize=13)
