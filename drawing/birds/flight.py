"""Spread wings of a flying bird: shoulder, wrist, primaries, secondaries, tertials and their coverts.

A wing is laid out flat, in units of a wing 78 units long: x from the shoulder outwards, y from the
leading edge backwards. The inner half up to the wrist and the hand beyond it are raised separately.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from birds._skia import skia
from birds.anatomy import Anatomy
from birds.drawing import BLACK, Array, mix, narrowed, paint, spline, tapered, within
from birds.feathers import Vane, feather
from birds.posed_bird import PosedBird

LENGTH, WRIST = 78.0, 29.0
SHOULDER = (15.0, 7.0, 9.0)
Point = tuple[float, float]


@dataclass(frozen=True)
class Fan:
    """A row of feathers of the spread wing, the outermost first.

    Attributes:
        count: Number of feathers.
        bases: Base of the outermost, the middle and the innermost feather.
        tips: Tip of the same three.
    """

    count: int
    bases: tuple[Point, Point, Point]
    tips: tuple[Point, Point, Point]

    def ends(self, t: float) -> tuple[Array, Array]:
        """Base and tip of the feather at share t of the way inwards."""
        return tuple(_through(np.array(points, float), t) for points in (self.bases, self.tips))


PRIMARIES = Fan(9, ((49, -3), (41, -4), (31, -3)), ((87, 14), (70, 27.5), (37, 33.5)))
SECONDARIES = Fan(9, ((30, -2), (18, 1), (5, 3)), ((35, 33.5), (20, 32.5), (5, 31)))
TERTIALS = Fan(3, ((6, 2), (3, 2), (0, 2)), ((6, 29.5), (2, 28), (-2, 25)))
PRIMARY_COVERTS = Fan(7, ((47, -4), (40, -5), (30, -5)), ((59, 6), (50, 12.5), (35, 14.5)))
GREATER_COVERTS = Fan(10, ((30, -5), (18, -3), (2, -1)), ((33, 15), (19, 15), (2, 15)))
MEDIAN_COVERTS = Fan(10, ((30, -7), (18, -5), (2, -3)), ((31.5, 6.6), (19, 7.4), (2, 8.4)))
EDGE = ((0, -1), (10, -4), (21, -8.5), (29, -10.5), (39, -8.5), (50, -4.5))
FOREWING = ((0, -2), (12, -6), (29, -10.5), (40, -8.5), (51, -4), (58, 3), (40, 9), (20, 11), (0, 11))
"""What the coverts lie on: no gap shows behind the leading edge."""
BARS = {"median": 0.36, "greater": 0.26}


def _through(points: Array, t: float) -> Array:
    """Point on the parabola through three points."""
    a, b, c = points
    return a * (1 - t) * (1 - 2 * t) + 4 * b * t * (1 - t) + c * t * (2 * t - 1)


class WingPlan:
    """Where the places of one spread wing are, near (side 1) or far (side -1).

    Attributes:
        from_above: The viewer sees its upper side.
    """

    def __init__(self, anatomy: Anatomy, side: int) -> None:
        self.anatomy, self.side = anatomy, side
        build, (inner, outer) = anatomy.species.build, anatomy.pose.wings or (0.0, 0.0)
        self.scale = build.wing_length / LENGTH
        self.arm, self.hand = (self._outwards(angle) for angle in (inner, outer))
        u, d, w = SHOULDER
        self.root = np.array([u, d * anatomy.depth, side * w * anatomy.depth])
        normal = np.array([0, math.cos(math.radians(inner)), -side * math.sin(math.radians(inner))])
        self.from_above = bool((normal @ anatomy.axes)[2] > 0)

    def _outwards(self, angle: float) -> Array:
        raised = math.radians(angle)
        return np.array([0, math.sin(raised), self.side * math.cos(raised)])

    def at(self, x: float, y: float) -> Array:
        """Canvas point of a place on the wing."""
        pointed = self.anatomy.species.build.wing_point
        y = y * (1 - 0.22 * pointed * np.clip((x - 20) / 40, 0, 1)) + 5 * pointed * max(0, x - 40) / 38
        x = x * (1 + 0.04 * pointed * (x > 50))
        arm, hand = min(x, WRIST), max(0.0, x - WRIST)
        place = self.root + self.scale * (arm * self.arm + hand * self.hand + np.array([-y, 0, 0]))
        return (place @ self.anatomy.axes)[:2]


def wing_extent(anatomy: Anatomy) -> Array:
    """Outermost points of both spread wings, (n, 2), in units."""
    corners = ((82, 10), (74, 26), (61, 33), (37, 36), (29, -12), (5, 33))
    return np.array([WingPlan(anatomy, side).at(*corner) for side in (1, -1) for corner in corners])


class SpreadWing:
    """One spread wing, near (side 1) or far (side -1)."""

    def __init__(self, canvas: skia.Canvas, bird: PosedBird, side: int) -> None:
        self.canvas, self.bird = canvas, bird
        self.plan = WingPlan(bird.anatomy, side)
        self.at, self.from_above = self.plan.at, self.plan.from_above
        self.shade = 1.0 if side > 0 else 0.86

    def fan(self, fan: Fan, vane: Vane, shade: tuple[float, float] = (0.9, 1.04)) -> None:
        """Draw a row of feathers, as wide as the gaps between their tips ask for."""
        shares = np.linspace(0, 1, fan.count)
        ends = [tuple(self.at(*point) for point in fan.ends(t)) for t in shares]
        order = range(fan.count) if self.from_above else range(fan.count - 1, -1, -1)
        for i in order:
            base, tip = ends[i]
            gap = max(_gap(ends[i], ends[j]) for j in (i - 1, i + 1) if 0 <= j < fan.count)
            tone = self.shade * (shade[0] + (shade[1] - shade[0]) * shares[i])
            tinted = replace(vane, fill=vane.fill * tone)
            feather(self.canvas, base, tip, min(9.0, max(1.4, 1.75 * gap)), tinted)

    def area(self, corners: tuple[Point, ...], colour: Array, alpha: float, blur: float) -> None:
        """Fill an area of the wing."""
        shape = spline([self.at(*corner) for corner in corners])
        self.canvas.drawPath(shape, paint(colour * self.shade, alpha, blur=blur))


def _gap(feather_a: tuple[Array, Array], feather_b: tuple[Array, Array]) -> float:
    """Distance of the tip of one feather from the line of another."""
    base, tip = feather_a
    along = (tip - base) / (np.hypot(*(tip - base)) + 1e-6)
    off = feather_b[1] - tip
    return abs(float(along[0] * off[1] - along[1] * off[0]))


def paint_far_wing(canvas: skia.Canvas, bird: PosedBird) -> None:
    """Draw the spread wing behind the body."""
    _paint_wing(SpreadWing(canvas, bird, -1))


def paint_near_wing(canvas: skia.Canvas, bird: PosedBird) -> None:
    """Draw the spread wing before the body, and the shoulder that joins it to the trunk."""
    wing = SpreadWing(canvas, bird, 1)
    _paint_wing(wing)
    ground = "back" if wing.from_above else "flank"
    with within(canvas, bird.anatomy.outline):
        joint = ((-5, 2), (-3, 20), (3, 24), (6, 10), (5, 0), (0, -4))
        wing.area(joint, bird.tract(ground), 0.9, 1.8)


def _paint_wing(wing: SpreadWing) -> None:
    ground = wing.bird.tract("coverts" if wing.from_above else "underwing")
    wing.area(FOREWING, ground * 0.9, 1.0, 0.3)
    if wing.from_above:
        _paint_upperside(wing)
    else:
        _paint_underside(wing)


def _gapped(bird: PosedBird, fan: Fan) -> Fan:
    """The row in moult: fewer feathers, with narrow gaps."""
    return replace(fan, count=fan.count - 1) if bird.individual.wear == "moulting" else fan


def _paint_upperside(wing: SpreadWing) -> None:
    bird = wing.bird
    colour, edge, coverts = (bird.tract(name) for name in ("wing", "feather_edge", "coverts"))
    worn = bird.individual.edge_strength
    bars = bird.mark("wing_bars")
    bars = None if bars is None else bird.strong(bars, "coverts")
    flight = Vane(colour, edge, 0.4 * worn, shadow=0.16)
    wing.fan(_gapped(bird, PRIMARIES), flight, (0.82, 0.94))
    wing.fan(SECONDARIES, flight)
    _paint_secondary_marks(wing)
    wing.fan(TERTIALS, Vane(colour, edge, 0.5 * worn, shadow=0.16))
    wing.fan(PRIMARY_COVERTS, Vane(mix(coverts, colour, 0.5), edge, 0.2 * worn, shadow=0.12))
    greater, median = (
        replace(
            flight, fill=coverts, tip=bars, edge_alpha=0.25, tip_share=bird.individual.mark_extent * share
        )
        for share in (BARS["greater"], BARS["median"])
    )
    wing.fan(GREATER_COVERTS, greater, (0.95, 1.05))
    wing.fan(MEDIAN_COVERTS, median, (0.98, 1.08))
    shoulder = mix(coverts, bird.tract("back"), 0.45)
    _paint_lining(wing, shoulder, ((-1, -3), (12, -6), (29, -10.5), (34, -7), (30, -2.5), (16, 1.5), (0, 3)))
    if (patch := bird.mark("scapular_patch")) is not None:
        wing.area(((-5, 4), (2, 2), (7, 8), (6, 17), (-1, 20), (-6, 12)), patch, 0.95, 0.8)


def _paint_secondary_marks(wing: SpreadWing) -> None:
    bird = wing.bird
    if (panel := bird.mark("wing_panel")) is not None:
        area = ((5, 15), (18, 14.5), (33, 14.5), (36, 21), (35, 26.5), (20, 27), (5, 26))
        shape = tuple(narrowed(area, bird.individual.mark_extent))
        wing.area(shape, bird.strong(panel, "wing"), 0.94, 0.8)
    if (gloss := bird.mark("speculum")) is not None:
        wing.area(
            ((7, 14), (20, 13.5), (33, 14), (34, 30), (20, 31), (8, 30)),
            mix(gloss, np.ones(3), 0.85),
            0.9,
            0.5,
        )
        wing.area(((8, 15.5), (20, 15), (32, 15.5), (32.5, 27), (20, 28), (9, 27)), gloss, 0.97, 0.6)
    if (spots := bird.mark("wing_spots")) is not None:
        for y in (18, 23.5, 29):
            for x in np.linspace(6, 60, 11):
                wing.canvas.drawCircle(
                    *wing.at(x, y - 0.16 * max(0, x - 36)).tolist(),
                    1.4,
                    paint(spots, 0.85, blur=0.3, inside=True),
                )


def _paint_underside(wing: SpreadWing) -> None:
    bird = wing.bird
    lining = bird.tract("underwing")
    colour = mix(bird.tract("wing"), lining, 0.38)
    edge = mix(colour, lining, 0.5)
    flight = Vane(colour, edge, 0.35, shadow=0.14)
    wing.fan(_gapped(bird, PRIMARIES), flight, (0.92, 1.02))
    wing.fan(SECONDARIES, flight, (0.98, 1.04))
    wing.fan(PRIMARY_COVERTS, Vane(mix(colour, lining, 0.45), lining, 0.2, shadow=0.06))
    wing.fan(GREATER_COVERTS, Vane(mix(colour, lining, 0.65), lining, 0.2, shadow=0.06))
    cover = ((-2, -2), (14, -6), (29, -10.5), (38, -8), (33, 2), (16, 5), (-1, 10))
    _paint_lining(wing, lining * 0.94, cover)


def _paint_lining(wing: SpreadWing, colour: Array, corners: tuple[Point, ...]) -> None:
    """The small coverts of the forewing, one soft area, and the wing's firm leading edge."""
    wing.area(corners, colour, 0.95, 1.0)
    front = [wing.at(*point) for point in EDGE]
    wing.canvas.drawPath(tapered(front, [3.0, 3.4, 3.4, 3.2, 2.6, 1.2]), paint(colour * 0.9 * wing.shade))
    wing.canvas.drawPath(tapered(front, [0.8] * 6), paint(BLACK, 0.12, blur=0.4))
