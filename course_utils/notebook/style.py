"""How the figures of the lessons look: colours, sizes, and what names people read in them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from course_utils.notebook.described import DescribedFigure

# Okabe and Ito (2008): tell apart under every common form of colour blindness.
BLUE, ORANGE, GREEN, VERMILION, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#666666"
MARKS = ((ORANGE, "o"), (BLUE, "s"), (GREEN, "^"))
PICTURE_DPI = 80  # PNG is a heavy format for pictures: a notebook stays below 1 MB
STYLE = {
    "figure.dpi": 96,
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "axes.axisbelow": True,
    "lines.linewidth": 2,
    "legend.frameon": False,
    "text.usetex": False,  # a learner's own settings may ask for a LaTeX that does not know the names of classes
}


@contextmanager
def styled_figure(*args: int, **options: object) -> Iterator[tuple[Figure, np.ndarray]]:
    """A figure and its axes (rows, columns) in the course's style, closed and described when the block ends."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(*args, squeeze=False, FigureClass=DescribedFigure, **options)
        yield figure, axes
        figure.canvas.draw()
        plt.close(figure)


def readable(name: str) -> str:
    """A class name as people write it: no underscores, no number in front as in CUB's 001.Black_footed_Albatross, cut after
    40 letters."""
    words = re.sub(r"^\d+\.(?=[^\W\d_])", "", name).replace("_", " ").strip() or name
    return words if len(words) <= 40 else f"{words[:39]}…"


def readable_names(classes: Sequence[str]) -> list[str]:
    """Class names as people write them, in the order of the classes; where two would look the same, as they are."""
    names = [readable(name) for name in classes]
    twice = {name for name, number in Counter(names).items() if number > 1}
    names = [
        f"{own[:19]}…{own[-20:]}" if name in twice and len(own) > 40 else own if name in twice else name
        for name, own in zip(names, classes, strict=True)
    ]
    still = {name for name, number in Counter(names).items() if number > 1}
    return [f"{name} ({k + 1})" if name in still else name for k, name in enumerate(names)]


def relatives_together(classes: Sequence[str]) -> list[int]:
    """Order of the classes by the last word of their names, as a field guide groups its species."""
    return sorted(range(len(classes)), key=lambda k: readable(classes[k]).split()[::-1])
