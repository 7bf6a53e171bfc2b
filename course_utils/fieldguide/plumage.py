"""Colours and field marks of head and trunk.

Each patch is a closed outline with a soft edge. Patches reach beyond the silhouette, which clips them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from course_utils.fieldguide._skia import skia
from course_utils.fieldguide.drawing import Array, paint, spline, tapered
from course_utils.fieldguide.subject import Subject

Outline = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Patch:
    """An area of one colour.

    Attributes:
        outline: Its corners; in head coordinates, or in body coordinates for an average depth.
        softness: Blur of its edge, in units.
        alpha: Opacity.
    """

    outline: Outline
    softness: float
    alpha: float = 1.0


TRUNK: dict[str, Patch] = {
    "breast": Patch(((52, 14), (46, -16), (32, -27), (12, -29), (7, -14), (14, -2), (24, 10), (40, 20)), 3.4),
    "flank": Patch(((13, -4), (10, -13), (-12, -15), (-34, -8), (-30, 0)), 3.0, 0.85),
    "vent": Patch(((-20, -8), (-14, -24), (-50, -14), (-52, 0), (-34, 0)), 2.6),
    "back": Patch(
        ((42, 28), (25, 8), (4, -2), (-20, -2), (-46, 0), (-54, 12), (-20, 32), (10, 36), (36, 42)), 2.2
    ),
    "rump": Patch(((-16, 26), (-20, 2), (-48, 1), (-52, 12), (-28, 26)), 2.2),
}
"""Tracts of the trunk in the order they are painted, over the belly's colour."""

HEAD: dict[str, Patch] = {
    "nape": Patch(
        ((0.3, 1.3), (-0.3, 0.5), (-0.45, -0.2), (-0.7, -0.9), (-1.5, -1.3), (-2.1, 0), (-1.0, 1.6)),
        2.4,
    ),
    "cheek": Patch(
        ((1.05, 0.25), (0.5, 0.5), (-0.2, 0.35), (-0.7, 0), (-0.68, -0.55), (-0.1, -0.8), (0.5, -0.62),
         (0.98, -0.3)),
        1.3,
    ),
    "throat": Patch(
        ((1.05, -0.14), (0.6, -0.42), (0.1, -0.76), (-0.3, -1.1), (-0.2, -1.5), (0.5, -1.6), (1.3, -0.8)),
        2.4,
    ),
    "collar": Patch(
        ((-0.25, -0.5), (-0.6, -0.18), (-0.98, -0.14), (-1.05, -0.5), (-0.65, -0.8)),
        0.8,
    ),
    "crown": Patch(
        ((1.1, 0.06), (0.75, 0.3), (0.3, 0.36), (-0.25, 0.3), (-0.66, 0.06), (-0.95, -0.34), (-1.5, -0.6),
         (-1.6, 0.6), (-0.6, 1.7), (0.6, 1.7), (1.3, 0.8)),
        0.9,
    ),
    "forehead": Patch(
        ((1.15, 0.05), (0.8, 0.32), (0.5, 0.6), (0.75, 1.1), (1.3, 0.7)),
        1.4,
    ),
    "mask": Patch(
        ((1.05, -0.02), (0.95, 0.24), (0.5, 0.36), (0.05, 0.34), (-0.45, 0.3), (-0.12, 0.04), (0.4, -0.08),
         (0.8, -0.14)),
        0.5,
    ),
    "eye_stripe": Patch(
        ((0.98, 0.02), (0.62, 0.22), (0.2, 0.22), (-0.52, 0.12), (-0.5, 0), (0.2, 0.04), (0.6, 0.04)),
        0.5, 0.9,
    ),
    "supercilium": Patch(
        ((1.0, 0.2), (0.7, 0.46), (0.3, 0.54), (-0.2, 0.48), (-0.82, 0.2), (-0.78, 0.08), (-0.2, 0.27),
         (0.3, 0.32), (0.68, 0.26)),
        0.4,
    ),
    "malar_stripe": Patch(
        ((0.86, -0.22), (0.55, -0.38), (0.2, -0.68), (-0.02, -1.02), (0.2, -1.04), (0.42, -0.74),
         (0.74, -0.44)),
        0.45, 0.9,
    ),
    "bib": Patch(
        ((1.1, -0.1), (0.74, -0.22), (0.5, -0.48), (0.3, -0.86), (0.66, -1.2), (1.25, -0.75)),
        0.7,
    ),
}  # fmt: skip
"""Tracts and marks of the head in the order they are painted."""

GROUND_TRACTS = frozenset({"nape", "cheek", "throat", "crown", "forehead"})


def paint_plumage(canvas: skia.Canvas, subject: Subject) -> None:
    """Paint head and trunk with their ground colours and marks, inside the silhouette.

    The layer is clipped once, when it is complete: else every patch would add to the silhouette's edge.
    """
    canvas.save()
    canvas.clipPath(subject.anatomy.outline, skia.ClipOp.kIntersect, True)
    canvas.saveLayer(None, None)
    canvas.drawPaint(paint(subject.tract("belly")))
    anatomy = subject.anatomy
    for name, patch in TRUNK.items():
        points = [anatomy.at(u, d * anatomy.depth) for u, d in patch.outline]
        _fill(canvas, points, subject.tract(name), patch)
    _paint_head(canvas, subject)
    _paint_spots(canvas, subject)
    _paint_flank_streaks(canvas, subject)
    _paint_back_streaks(canvas, subject)
    canvas.restore()
    canvas.restore()


def _fill(canvas: skia.Canvas, points: list[Array], colour: Array, patch: Patch) -> None:
    canvas.drawPath(spline(points), paint(colour, patch.alpha, blur=patch.softness))


def _paint_head(canvas: skia.Canvas, subject: Subject) -> None:
    for name, patch in HEAD.items():
        colour = subject.tract(name) if name in GROUND_TRACTS else subject.mark(name)
        if colour is not None:
            _fill(canvas, [subject.anatomy.on_head(u, v) for u, v in patch.outline], colour, patch)


def _paint_spots(canvas: skia.Canvas, subject: Subject) -> None:
    """Spots on breast and belly, sparser and rounder to the rear, like a thrush's."""
    colour = subject.mark("breast_spots")
    if colour is None:
        return
    anatomy, rng = subject.anatomy, subject.streams("plumage.breast_spots")
    for _ in range(70):
        u, low = rng.uniform(-14, 40), rng.uniform(0, 1)
        size, tilt = (1.3 + 0.5 * low) * rng.uniform(0.8, 1.25), rng.normal(0, 12)
        x, y = anatomy.at(u, (4 - 25 * low) * anatomy.depth).tolist()
        canvas.save()
        canvas.translate(x, y)
        canvas.rotate(float(tilt - anatomy.pose.pitch + 12))
        drop = spline([(size * 1.4, 0), (-size * 0.5, -size * 0.8), (-size, 0), (-size * 0.5, size * 0.8)])
        canvas.drawPath(drop, paint(colour, 0.85 if u > 0 else 0.55, blur=0.2))
        canvas.restore()


def _paint_flank_streaks(canvas: skia.Canvas, subject: Subject) -> None:
    colour = subject.mark("flank_streaks")
    if colour is not None:
        _paint_streaks(canvas, subject, "flank_streaks", colour, (-20, 35), (-20, -7.5), 42, 2.3, 0.92)


def _paint_back_streaks(canvas: skia.Canvas, subject: Subject) -> None:
    colour = subject.mark("back_streaks")
    if colour is not None:
        _paint_streaks(canvas, subject, "back_streaks", colour, (-20, 26), (8, 19), 40, 1.7, 0.55)


def _paint_streaks(
    canvas: skia.Canvas,
    subject: Subject,
    name: str,
    colour: Array,
    along: tuple[float, float],
    across: tuple[float, float],
    count: int,
    width: float,
    alpha: float,
) -> None:
    """Dashes along the body axis, at random places within a range of body coordinates."""
    anatomy, rng = subject.anatomy, subject.streams(f"plumage.{name}")
    for _ in range(count):
        u, d = rng.uniform(*along), rng.uniform(*across) * anatomy.depth
        start, end = anatomy.at(u, d), anatomy.at(u - rng.uniform(5, 8.5), d + rng.uniform(-0.6, 0.8))
        shape = tapered([start, (start + end) / 2, end], width * np.array([0.2, 1.0, 0.6]))
        canvas.drawPath(shape, paint(colour, alpha, blur=0.25))
