"""Single feathers, and the tail."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from birds._skia import skia
from birds.anatomy import TAIL_BASE
from birds.drawing import BLACK, Array, line, linear_gradient, paint
from birds.posed_bird import PosedBird


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
    shadow: float = 0.22


def feather(canvas: skia.Canvas, base: ArrayLike, tip: ArrayLike, width: float, vane: Vane) -> None:
    """Draw one feather, with a soft shadow on those beneath, a pale fringe and a shaft."""
    base, tip = np.asarray(base, float), np.asarray(tip, float)
    along = tip - base
    across = np.array([-along[1], along[0]]) / (np.hypot(*along) + 1e-6) * width
    at = lambda t, side: (base + along * t + across * side).tolist()  # noqa: E731
    shape = skia.Path()
    shape.moveTo(*at(0, 0.25))
    shape.cubicTo(*at(0.25, 0.5), *at(0.62, 0.55), *at(0.88, 0.40))
    shape.quadTo(*at(0.99, 0.22), *tip.tolist())
    shape.quadTo(*at(0.99, -0.26), *at(0.87, -0.43))
    shape.cubicTo(*at(0.6, -0.55), *at(0.25, -0.5), *at(0, -0.25))
    shape.close()
    colours, stops = [vane.fill * 0.86, vane.fill, vane.fill * 1.04], [0.0, 0.5, 1.0]
    if vane.tip is not None:
        edge = 1 - vane.tip_share
        colours, stops = (
            [vane.fill * 0.86, vane.fill, vane.tip, vane.tip],
            [0.0, edge - 0.05, edge + 0.05, 1.0],
        )
    canvas.drawPath(shape, paint(BLACK, vane.shadow, blur=0.8, stroke=0.5, inside=True))
    canvas.drawPath(shape, paint(shader=linear_gradient(base, tip, colours, stops)))
    if vane.edge is not None and vane.edge_alpha > 0.02:
        fringe = skia.Path()
        fringe.moveTo(*at(0.35, 0.46))
        fringe.cubicTo(*at(0.5, 0.52), *at(0.66, 0.5), *at(0.88, 0.35))
        fringe.quadTo(*at(0.98, 0.18), *at(0.99, 0))
        fringe.quadTo(*at(0.97, -0.22), *at(0.87, -0.38))
        brush = paint(vane.edge, min(1.0, vane.edge_alpha), stroke=max(0.4, width * 0.08), blur=0.15)
        canvas.drawPath(fringe, brush)
    line(canvas, at(0.1, 0), at(0.92, 0), paint(vane.fill * 0.55, 0.3, stroke=0.28))


def paint_tail(canvas: skia.Canvas, bird: PosedBird) -> None:
    """Draw the tail: seven feathers, the outer ones beneath the middle one; some missing in moult."""
    anatomy, build = bird.anatomy, bird.anatomy.species.build
    colour, edge, band = bird.tract("tail"), bird.tract("feather_edge"), bird.mark("tail_band")
    rng = bird.streams("individual.tail")
    gap = int(rng.integers(-3, 4)) if bird.individual.wear == "moulting" else None
    lift = bird.individual.edge_strength
    wide = 5.4 + 0.07 * anatomy.pose.tail_spread
    for place in (-3, 3, -2, 2, -1, 1, 0):
        side = place / 3
        root = anatomy.at(TAIL_BASE[0], TAIL_BASE[1] + side * 1.2, side * 1.5)
        length = build.tail_length * (1 + build.tail_notch * abs(side) - 0.03 * abs(side))
        length *= 0.62 if place == gap else 1.0
        end = anatomy.tail_point(length, side * anatomy.pose.tail_spread / 2)
        end = end + (root - anatomy.at(*TAIL_BASE)) * 0.8
        shade = 0.88 + 0.05 * (3 - abs(place))
        vane = Vane(colour * shade, edge, 0.35 * lift, band, min(0.35, 8 / build.tail_length))
        feather(canvas, root, end, wide, vane)
