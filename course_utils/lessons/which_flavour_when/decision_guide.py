"""Which flavour to try first, drawn as questions and answers."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.text import Text

from course_utils.notebook.style import BLUE, GREEN, GREY, ORANGE, styled_figure


@dataclass(frozen=True)
class _Box:
    x: float
    y: float
    text: str
    colour: str


_QUESTIONS = (
    _Box(0.20, 0.86, "Is there a model with weights\nwhose input looks at all like yours?", GREY),
    _Box(0.20, 0.55, "Fit the linear probe first:\nit costs one pass.\nGood enough?", GREY),
    _Box(0.20, 0.22, "Is the time limit, the memory or\nthe licence against fine-tuning?", GREY),
)


_ANSWERS = (
    _Box(
        0.78, 0.86, "Definition alone. Choose depth and size\nfor your pictures; expect to need many.", ORANGE
    ),
    _Box(0.78, 0.55, "Ship the probe.", GREEN),
    _Box(0.78, 0.22, "Stay with the probe, or collect\npictures of what it confuses.", GREEN),
)


_LAST = _Box(0.20, -0.08, "Fine-tune, and compare with the\nbest scratch run on your own test set.", BLUE)


def plot_decision_guide() -> Figure:
    """Which flavour to try first: three questions, from the cheapest to the dearest answer."""
    with styled_figure(1, 1, figsize=(9, 5.6)) as (figure, ((axis,),)):
        axis.axis("off")
        axis.set(xlim=(-0.02, 1.02), ylim=(-0.2, 1.0))
        drawn = {
            box: axis.text(
                box.x, box.y, box.text, ha="center", va="center", fontsize=11,
                bbox={"boxstyle": "round,pad=0.6", "facecolor": "white", "edgecolor": box.colour, "linewidth": 2},
            )
            for box in (*_QUESTIONS, *_ANSWERS, _LAST)
        }  # fmt: skip
        figure.canvas.draw()  # arrows go from edge to edge, and only now are the edges known
        for question, answer, says in zip(_QUESTIONS, _ANSWERS, ("no", "yes", "yes"), strict=True):
            _arrow(drawn[question], drawn[answer], says)
        for above, below, says in zip(_QUESTIONS, (*_QUESTIONS[1:], _LAST), ("yes", "no", "no"), strict=True):
            _arrow(drawn[above], drawn[below], says)
    return figure


def _arrow(start: Text, end: Text, says: str) -> None:
    """An arrow from one box to another that stands below it or to its right."""
    axis = start.axes
    into_axis = axis.transData.inverted().transform_bbox
    one, other = (into_axis(box.get_bbox_patch().get_window_extent()) for box in (start, end))
    down = one.y0 > other.y1
    tail = (one.x0 + one.width / 2, one.y0) if down else (one.x1, one.y0 + one.height / 2)
    tip = (tail[0], other.y1) if down else (other.x0, tail[1])
    axis.annotate(
        "", tip, tail, arrowprops={"arrowstyle": "-|>", "color": GREY, "lw": 1.6, "shrinkA": 0, "shrinkB": 0}
    )
    middle = ((tail[0] + tip[0]) / 2, (tail[1] + tip[1]) / 2)
    axis.annotate(
        says, middle, xytext=(6, -4 if down else 6), textcoords="offset points", color=GREY, fontsize=11
    )
