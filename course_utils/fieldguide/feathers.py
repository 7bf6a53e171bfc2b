"""Single feathers, and the rows of them that make up the folded wing and the tail."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from course_utils.fieldguide._skia import skia
from course_utils.fieldguide.anatomy import TAIL_BASE, lerp
from course_utils.fieldguide.drawing import (
    BLACK,
    WHITE,
    Array,
    direction,
    line,
    linear_gradient,
    mix,
    paint,
    spline,
)
from course_utils.fieldguide.subject import Subject

Point = tuple[float, float]


@dataclass(frozen=True)
class Vane:
    """How a feather is coloured.

    Attributes:
        fill: Main colour.
        edge: Colour of the fringe, None for none.
        edge_alpha: Opacity of the fringe.
        tip: Colour of the tip, None for none.
        tip_share: Share of the length that the tip takes.
        shadow: Opacity of the shadow on what lies beneath.
    """

    fill: Array
    edge: Array | None = None
    edge_alpha: float = 0.7
    tip: Array | None = None
    tip_share: float = 0.25
    shadow: float = 0.3


def feather(canvas: skia.Canvas, base: ArrayLike, tip: ArrayLike, width: float, vane: Vane) -> None:
    """Draw one feather, with a soft shadow on those beneath, a pale fringe and a shaft."""
    base, tip = np.asarray(base, float), np.asarray(tip, float)
    along = tip - base
    across = np.array([-along[1], along[0]]) / (np.hypot(*along) + 1e-6) * width
    at = lambda t, side: (base + along * t + across * side).tolist()  # noqa: E731
    shape = skia.Path()
    shape.moveTo(*base.tolist())
    shape.cubicTo(*at(0.25, 0.5), *at(0.62, 0.58), *at(0.9, 0.38))
    shape.quadTo(*at(0.99, 0.2), *tip.tolist())
    shape.quadTo(*at(0.99, -0.24), *at(0.88, -0.42))
    shape.cubicTo(*at(0.6, -0.58), *at(0.25, -0.5), *base.tolist())
    shape.close()
    colours, stops = [vane.fill * 0.82, vane.fill, vane.fill * 1.05], [0.0, 0.5, 1.0]
    if vane.tip is not None:
        edge = 1 - vane.tip_share
        colours, stops = (
            [vane.fill * 0.82, vane.fill, vane.tip, vane.tip],
            [0.0, edge - 0.06, edge + 0.06, 1.0],
        )
    canvas.drawPath(shape, paint(BLACK, vane.shadow, blur=0.7, stroke=0.6, inside=True))
    canvas.drawPath(shape, paint(shader=linear_gradient(base, tip, colours, stops)))
    if vane.edge is not None:
        fringe = skia.Path()
        fringe.moveTo(*at(0.3, 0.46))
        fringe.cubicTo(*at(0.45, 0.54), *at(0.64, 0.52), *at(0.89, 0.34))
        fringe.quadTo(*at(0.98, 0.18), *at(0.99, 0))
        fringe.quadTo(*at(0.97, -0.22), *at(0.87, -0.38))
        canvas.drawPath(fringe, paint(vane.edge, vane.edge_alpha, stroke=max(0.45, width * 0.1), blur=0.12))
    line(canvas, at(0.1, 0), at(0.9, 0), paint(vane.fill * 0.55, 0.35, stroke=0.3))


@dataclass(frozen=True)
class Row:
    """A row of overlapping feathers of the folded wing, the first one lowest and drawn first.

    Points are (distance behind the wing's bend, height), in units. Feathers between the first and the
    last are spaced evenly.

    Attributes:
        count: Number of feathers.
        bases: Base of the first and of the last feather.
        tips: Tip of the first and of the last feather.
        width: Width of a feather.
        edge_alpha: Opacity of the pale fringes.
        shade: Factor on the colour from the first to the last feather.
    """

    count: int
    bases: tuple[Point, Point]
    tips: tuple[Point, Point]
    width: float
    edge_alpha: float
    shade: tuple[float, float] = (0.92, 1.06)


PRIMARIES = Row(6, ((26, -4), (26, -1)), ((72, -2.0), (60, 2.4)), 5.0, 0.5, (0.78, 0.9))
SECONDARIES = Row(6, ((16, -8.5), (19, -2)), ((50, -8.0), (54, 0)), 5.8, 0.7)
TERTIALS = Row(3, ((20, 1.5), (20, 8.5)), ((51, 0.8), (41, 9.4)), 8.0, 0.85, (0.98, 1.1))
GREATER_COVERTS = Row(9, ((8, -8.5), (11, 8)), ((25.5, -10.8), (27, 7.2)), 6.2, 0.6, (0.92, 1.05))
MEDIAN_COVERTS = Row(9, ((2, -7), (4, 8)), ((13.8, -9.8), (16, 9)), 5.6, 0.5, (0.98, 1.1))
LESSER_COVERTS = Row(5, ((-3, -4), (-1, 8)), ((6.5, -7.5), (8.5, 9.5)), 5.2, 0.25, (1.0, 1.1))
BAR_SHARE = {GREATER_COVERTS: 0.22, MEDIAN_COVERTS: 0.32}


def wing_point(subject: Subject, behind: float, height: float) -> Array:
    """Canvas point of a place on the folded wing; the tip hangs by the pose's droop."""
    anatomy = subject.anatomy
    return anatomy.at(
        25 - behind,
        height * (0.6 + 0.4 * anatomy.depth) - anatomy.pose.wing_droop * max(0, behind - 10) * 0.06,
    )


def paint_wing(canvas: skia.Canvas, subject: Subject) -> None:
    """Draw the folded wing: flight feathers first, then each row of coverts over the one behind it."""
    wing, edge, coverts = subject.tract("wing"), subject.tract("feather_edge"), subject.tract("coverts")
    panel, bars = subject.mark("wing_panel"), subject.mark("wing_bars")
    _cast_shadow(canvas, subject)
    _paint_row(canvas, subject, PRIMARIES, Vane(wing, edge))
    _paint_row(canvas, subject, SECONDARIES, Vane(wing, edge))
    if panel is not None:
        patch = [(21, -6.5), (34, -9.5), (49, -8.6), (52, -4), (44, -0.4), (27, 0.2)]
        canvas.drawPath(
            spline([wing_point(subject, *p) for p in patch]), paint(panel, 0.93, blur=0.8, inside=True)
        )
        for t in np.linspace(0.12, 0.85, 5):
            ends = [
                wing_point(subject, *lerp(*row, t)) for row in (((24, -6), (26, 0)), ((49, -8), (50, -1)))
            ]
            line(canvas, *ends, paint(mix(panel, wing, 0.6), 0.6, stroke=0.5, inside=True))
    _paint_row(canvas, subject, TERTIALS, Vane(wing, edge))
    _paint_row(
        canvas, subject, GREATER_COVERTS, Vane(coverts, edge, tip=bars, tip_share=BAR_SHARE[GREATER_COVERTS])
    )
    _paint_row(
        canvas, subject, MEDIAN_COVERTS, Vane(coverts, edge, tip=bars, tip_share=BAR_SHARE[MEDIAN_COVERTS])
    )
    shoulder = mix(coverts, subject.tract("back"), 0.35)
    _paint_row(canvas, subject, LESSER_COVERTS, Vane(shoulder, shoulder * 1.15))
    _blend_shoulder(canvas, subject, shoulder)


def _paint_row(canvas: skia.Canvas, subject: Subject, row: Row, vane: Vane) -> None:
    for t in np.linspace(0, 1, row.count):
        base, tip = (wing_point(subject, *lerp(*ends, t)) for ends in (row.bases, row.tips))
        fill = vane.fill * (row.shade[0] + (row.shade[1] - row.shade[0]) * t)
        feather(canvas, base, tip, row.width, replace(vane, fill=fill, edge_alpha=row.edge_alpha))


def _cast_shadow(canvas: skia.Canvas, subject: Subject) -> None:
    shadow = [(-2, 4), (9, -12.5), (33, -11.5), (65, -4.5), (69, 5), (25, 13)]
    canvas.save()
    canvas.clipPath(subject.anatomy.outline, skia.ClipOp.kIntersect, True)
    canvas.drawPath(spline([wing_point(subject, *p) for p in shadow]), paint(BLACK, 0.3, blur=2.4))
    canvas.restore()


def _blend_shoulder(canvas: skia.Canvas, subject: Subject, colour: Array) -> None:
    """Cover the wing's bend and upper border with small feathers of breast side and back."""
    canvas.save()
    canvas.clipPath(subject.anatomy.outline, skia.ClipOp.kIntersect, True)
    bend = [(-6, 3), (-3, -6), (3, -7.5), (6, 0), (6, 8), (0, 11)]
    canvas.drawPath(spline([wing_point(subject, *p) for p in bend]), paint(colour, 0.9, blur=1.4))
    back = subject.tract("back")
    mantle = [(-4, 10), (10, 8.3), (26, 7.2), (42, 9.4), (34, 19), (10, 24)]
    canvas.drawPath(spline([wing_point(subject, *p) for p in mantle]), paint(back, 0.95, blur=1.2))
    rng = subject.streams("plumage.scapulars")
    for behind in np.sort(rng.uniform(-3, 34, 30))[::-1]:
        height, shade = rng.uniform(6.8, 15), rng.uniform(0.93, 1.08)
        root, end = wing_point(subject, behind, height), wing_point(subject, behind + 11, height - 1.5)
        feather(canvas, root, end, 4.6, Vane(back * shade, back * 1.1, 0.25, shadow=0.12))
    gleam = [(0, 5), (14, 3), (32, 1.5), (47, 1), (33, 5), (13, 8)]
    canvas.drawPath(spline([wing_point(subject, *p) for p in gleam]), paint(WHITE, 0.08, blur=3))
    canvas.restore()


def paint_tail(canvas: skia.Canvas, subject: Subject) -> None:
    """Draw the tail: seven feathers, the outer ones beneath the middle one."""
    anatomy, build = subject.anatomy, subject.anatomy.species.build
    colour, edge, band = subject.tract("tail"), subject.tract("feather_edge"), subject.mark("tail_band")
    for place in (-3, 3, -2, 2, -1, 1, 0):
        side = place / 3
        axis = direction(anatomy.tail_direction + side * anatomy.pose.tail_spread / 2)
        base = anatomy.at(TAIL_BASE[0], TAIL_BASE[1] + side * 1.6)
        length = build.tail_length * (1 + build.tail_notch * abs(side) - 0.03 * abs(side))
        shade = 0.88 + 0.05 * (3 - abs(place))
        vane = Vane(colour * shade, edge, 0.4, band, min(0.35, 8 / build.tail_length))
        feather(canvas, base, base + axis * length, 6.0, vane)
