"""Colours and field marks of head and trunk.

Each patch is a closed outline with a soft edge. Patches reach beyond the silhouette, which clips them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from birds._skia import skia
from birds.drawing import Array, narrowed, paint, spline, within
from birds.posed_bird import PosedBird
from birds.streaks import paint_streaks

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
    "rump": Patch(((-20, 26), (-24, 5), (-48, 2), (-52, 12), (-30, 26)), 2.2),
}
"""Tracts of the trunk in the order they are painted, over the belly's colour."""

UNDERSIDE = Patch(
    (
        (56, 4),
        (38, 0),
        (16, -7),
        (-10, -8),
        (-30, -5),
        (-50, -4),
        (-50, -22),
        (-16, -34),
        (24, -40),
        (56, -28),
    ),
    2.6,
)
"""The belly's colour where the bird is seen from above, over the back's."""

BREAST_BAND = Patch(
    ((9, 8), (17, 6), (27, -3), (38, -7), (52, -9), (52, -22), (37, -16.5), (25, -11), (15, -3), (8, 2)), 0.7
)

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
        ((-0.78, 0.08), (-0.2, 0.27), (0.3, 0.32), (0.68, 0.26), (1.0, 0.2), (0.7, 0.46), (0.3, 0.54),
         (-0.2, 0.48), (-0.82, 0.2)),
        0.4,
    ),
    "malar_stripe": Patch(
        ((0.2, -1.04), (0.42, -0.74), (0.74, -0.44), (0.86, -0.22), (0.55, -0.38), (0.2, -0.68),
         (-0.02, -1.02)),
        0.45, 0.9,
    ),
    "nape_patch": Patch(
        ((-0.28, 0.62), (-0.3, 0.3), (-0.62, 0.0), (-0.9, -0.22), (-1.4, -0.2), (-1.5, 0.7), (-0.6, 1.1)),
        0.6,
    ),
    "bib": Patch(
        ((1.1, -0.1), (0.74, -0.22), (0.5, -0.48), (0.3, -0.86), (0.66, -1.2), (1.25, -0.75)),
        0.7,
    ),
}  # fmt: skip
"""Tracts and marks of the head in the order they are painted."""

LIES_ON = {"supercilium": "crown", "bib": "throat", "nape_patch": "crown", "collar": "throat"}
"""The tract that shows through a faint mark of the head; the cheek for all others."""

STRIPES = frozenset({"supercilium", "malar_stripe"})
"""Marks of the head that are wider in one bird than in another: outlines as ``drawing.narrowed`` wants them."""

GROUND_TRACTS = frozenset({"nape", "cheek", "throat", "crown", "forehead"})


def paint_plumage(canvas: skia.Canvas, bird: PosedBird) -> None:
    """Paint head and trunk with their ground colours and marks, inside the silhouette.

    The layer is clipped once, when it is complete: else every patch would add to the silhouette's edge.
    """
    anatomy = bird.anatomy
    with within(canvas, anatomy.outline):
        canvas.drawPaint(paint(bird.tract("back" if anatomy.shows_back else "belly")))
        if anatomy.shows_back:
            _fill_trunk(canvas, bird, bird.tract("belly"), UNDERSIDE)
        for name, patch in TRUNK.items():
            _fill_trunk(canvas, bird, bird.tract(name), patch)
        _paint_neck(canvas, bird)
        _paint_head(canvas, bird)
        if (band := bird.mark("breast_band")) is not None:
            narrow = tuple(narrowed(BREAST_BAND.outline, bird.individual.mark_extent))
            _fill_trunk(canvas, bird, bird.strong(band, "breast"), replace(BREAST_BAND, outline=narrow))
        paint_streaks(canvas, bird)


def _fill(canvas: skia.Canvas, points: list[Array], colour: Array, patch: Patch) -> None:
    canvas.drawPath(spline(points), paint(colour, patch.alpha, blur=patch.softness))


def _fill_trunk(canvas: skia.Canvas, bird: PosedBird, colour: Array, patch: Patch) -> None:
    anatomy = bird.anatomy
    points = [anatomy.on_trunk(u, d * anatomy.depth) for u, d in patch.outline]
    _fill(canvas, points, colour, patch)


def _paint_neck(canvas: skia.Canvas, bird: PosedBird) -> None:
    """Colour of a long neck, which ends in a ring if the species has a collar."""
    anatomy = bird.anatomy
    if anatomy.species.build.neck_length <= 4:
        return
    upper = anatomy.neck[9:]
    colour, collar = bird.tract("neck"), bird.mark("collar")
    if collar is not None:
        for x, y, radius in anatomy.neck[8:11].tolist():
            canvas.drawCircle(x, y, radius * 1.02, paint(collar, 1, blur=0.5))
    for x, y, radius in upper[1:].tolist():
        canvas.drawCircle(x, y, radius * 1.05, paint(colour, 1, blur=0.7))


def _paint_head(canvas: skia.Canvas, bird: PosedBird) -> None:
    anatomy = bird.anatomy
    long_neck = anatomy.species.build.neck_length > 4
    for name, patch in HEAD.items():
        if long_neck and name in ("nape", "throat", "collar"):
            continue
        ground = name in GROUND_TRACTS
        colour = bird.tract(name) if ground else bird.mark(name)
        if colour is None:
            continue
        if not ground:
            colour = bird.strong(colour, LIES_ON.get(name, "cheek"))
        outline = patch.outline
        if name in STRIPES:
            outline = narrowed(outline, bird.individual.mark_extent)
        _fill(canvas, [anatomy.on_head(u, v) for u, v in outline], colour, patch)
