"""Field marks of many small strokes: spots on the breast, streaks on flanks and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from birds._skia import skia
from birds.drawing import Array, paint, spline, tapered
from birds.posed_bird import PosedBird

SPOTS = 75


@dataclass(frozen=True)
class Streaking:
    """Dashes along the body axis, at random places.

    Attributes:
        ground: The tract they lie on.
        along: Range along the body, in units.
        across: Range up the body, in units.
        count: Number of dashes.
        width: Greatest width, in units.
        alpha: Opacity.
    """

    ground: str
    along: tuple[float, float]
    across: tuple[float, float]
    count: int
    width: float
    alpha: float


STREAKS = {
    "flank_streaks": Streaking("flank", (-18, 36), (-18.5, -6.5), 46, 2.3, 0.92),
    "back_streaks": Streaking("back", (-20, 26), (8, 19), 40, 1.7, 0.55),
}


def paint_streaks(canvas: skia.Canvas, bird: PosedBird) -> None:
    """Paint the spots and streaks that the bird has."""
    _paint_spots(canvas, bird)
    for name, streaking in STREAKS.items():
        if (colour := bird.mark(name)) is not None:
            _paint_dashes(canvas, bird, name, bird.strong(colour, streaking.ground), streaking)


def _paint_spots(canvas: skia.Canvas, bird: PosedBird) -> None:
    """Spots on breast and belly, sparser and rounder to the rear, like a thrush's."""
    colour = bird.mark("breast_spots")
    if colour is None:
        return
    anatomy, rng = bird.anatomy, bird.streams("plumage.breast_spots")
    for _ in range(SPOTS):
        u, low = rng.uniform(-14, 37), rng.uniform(0, 1)
        size, tilt = (1.3 + 0.5 * low) * rng.uniform(0.8, 1.25), rng.normal(0, 12)
        x, y = anatomy.on_trunk(u, (3 - 22 * low) * anatomy.depth).tolist()
        canvas.save()
        canvas.translate(x, y)
        canvas.rotate(float(tilt - anatomy.pose.pitch + 12))
        drop = spline([(size * 1.4, 0), (-size * 0.5, -size * 0.8), (-size, 0), (-size * 0.5, size * 0.8)])
        canvas.drawPath(drop, paint(colour, 0.85 if u > 0 else 0.55, blur=0.2))
        canvas.restore()


def _paint_dashes(
    canvas: skia.Canvas, bird: PosedBird, name: str, colour: Array, streaking: Streaking
) -> None:
    anatomy, rng = bird.anatomy, bird.streams(f"plumage.{name}")
    extent = bird.individual.mark_extent
    for _ in range(round(streaking.count * extent)):
        u, d = rng.uniform(*streaking.along), rng.uniform(*streaking.across) * anatomy.depth
        start = anatomy.on_trunk(u, d)
        end = anatomy.on_trunk(u - rng.uniform(5, 8.5), d + rng.uniform(-0.6, 0.8))
        shape = tapered(
            [start, (start + end) / 2, end],
            streaking.width * (0.5 + 0.5 * extent) * np.array([0.2, 1.0, 0.6]),
        )
        canvas.drawPath(shape, paint(colour, streaking.alpha, blur=0.25))
