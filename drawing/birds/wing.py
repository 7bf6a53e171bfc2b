"""The folded wing: rows of overlapping feathers on the bird's side."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from birds._skia import skia
from birds.drawing import BLACK, WHITE, Array, lerp, line, mix, narrowed, paint, spline, within
from birds.feathers import Vane, feather
from birds.posed_bird import PosedBird

Point = tuple[float, float]


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


PRIMARIES = Row(7, ((30, -4.5), (30, -1)), ((74, -1.6), (57, 2.6)), 4.6, 0.4, (0.76, 0.9))
SECONDARIES = Row(7, ((16, -8.2), (19, -2)), ((50, -7.6), (54, -0.4)), 4.4, 0.55, (0.9, 1.02))
TERTIALS = Row(3, ((20, 1.0), (18, 8.0)), ((53, 0.6), (40, 8.6)), 7.6, 0.75, (0.98, 1.08))
GREATER_COVERTS = Row(10, ((9, -8.6), (11, 8)), ((25.5, -9.8), (28, 7.0)), 4.6, 0.35, (0.94, 1.05))
MEDIAN_COVERTS = Row(9, ((3, -7), (4, 8.6)), ((14.2, -8.8), (16.5, 8.6)), 4.6, 0.22, (0.98, 1.08))
BAR_SHARE = {GREATER_COVERTS: 0.23, MEDIAN_COVERTS: 0.34}
PANEL = ((21, -5.4), (34, -8.2), (50, -7.4), (53, -3.4), (45, 0.0), (27, 1.0))
SPECULUM = ((25, -7.4), (36, -8.8), (46, -7.4), (47, -2.6), (38, 0.4), (26, 0.2))
SCAPULAR_PATCH = ((0, 6), (6, 11), (18, 13), (27, 10.5), (22, 5.5), (9, 2.6))


class FoldedWing:
    """One folded wing, near (side 1) or far (side -1)."""

    def __init__(self, canvas: skia.Canvas, bird: PosedBird, side: int) -> None:
        self.canvas, self.bird, self.side = canvas, bird, side

    def at(self, behind: float, height: float) -> Array:
        """Canvas point of a place on the wing, whose tip hangs by the pose's droop."""
        anatomy = self.bird.anatomy
        droop = anatomy.pose.wing_droop * max(0, behind - 10) * 0.06
        raised = height * (0.6 + 0.4 * anatomy.depth) + anatomy.species.build.wing_set - droop
        return anatomy.on_trunk(25 - behind, raised, self.side, 1.02)

    def row(self, row: Row, vane: Vane) -> None:
        """Draw a row of feathers."""
        worn = self.bird.individual.edge_strength
        for t in np.linspace(0, 1, row.count):
            base, tip = (self.at(*lerp(*ends, t)) for ends in (row.bases, row.tips))
            fill = vane.fill * (row.shade[0] + (row.shade[1] - row.shade[0]) * t)
            feather(
                self.canvas, base, tip, row.width, replace(vane, fill=fill, edge_alpha=row.edge_alpha * worn)
            )

    def patch(self, corners: tuple[Point, ...], colour: Array, alpha: float, blur: float) -> None:
        """Fill an area of the wing."""
        points = [self.at(*corner) for corner in corners]
        self.canvas.drawPath(spline(points), paint(colour, alpha, blur=blur, inside=True))


def paint_folded_wings(canvas: skia.Canvas, bird: PosedBird) -> None:
    """Draw the far wing if the back is seen, then the near one."""
    if bird.anatomy.shows_back:
        with within(canvas, _with_rump(bird)):
            _paint_wing(FoldedWing(canvas, bird, -1))
    _paint_wing(FoldedWing(canvas, bird, 1))


def _with_rump(bird: PosedBird) -> skia.Path:
    """The silhouette, widened by where the wing tips may reach beyond it."""
    path = skia.Path(bird.anatomy.outline)
    for u, d, w in ((-40, 3, -3), (-34, 5, -6), (-47, 1, -2)):
        path.addCircle(*bird.anatomy.at(u, d, w).tolist(), 7)
    return path


def _paint_wing(wing: FoldedWing) -> None:
    """Flight feathers first, then each row of coverts over the one behind it."""
    bird = wing.bird
    colour, edge, coverts = bird.tract("wing"), bird.tract("feather_edge"), bird.tract("coverts")
    bars = bird.mark("wing_bars")
    bars = None if bars is None else bird.strong(bars, "coverts")
    _cast_shadow(wing)
    wing.row(PRIMARIES, Vane(colour, edge))
    wing.row(SECONDARIES, Vane(colour, edge))
    _paint_secondary_marks(wing)
    wing.row(TERTIALS, Vane(colour, edge))
    for row in (GREATER_COVERTS, MEDIAN_COVERTS):
        share = BAR_SHARE[row] * bird.individual.mark_extent
        wing.row(row, Vane(coverts, edge, tip=bars, tip_share=share, shadow=0.14))
    _blend_shoulder(wing, mix(coverts, bird.tract("back"), 0.4))


def _paint_secondary_marks(wing: FoldedWing) -> None:
    bird = wing.bird
    colour = bird.tract("wing")
    if (panel := bird.mark("wing_panel")) is not None:
        shape = tuple(narrowed(PANEL, bird.individual.mark_extent))
        wing.patch(shape, bird.strong(panel, "wing"), 0.95, 0.7)
        for t in np.linspace(0.12, 0.85, 5):
            ends = [wing.at(*lerp(*row, t)) for row in (((24, -5), (26, 1)), ((49, -7), (50, 0)))]
            line(wing.canvas, *ends, paint(mix(panel, colour, 0.6), 0.5, stroke=0.45, inside=True))
    if (gloss := bird.mark("speculum")) is not None:
        wing.patch(tuple((b + 1.0, h * 1.25) for b, h in SPECULUM), mix(WHITE, colour, 0.15), 0.9, 0.4)
        wing.patch(SPECULUM, bird.strong(gloss, "wing"), 0.97, 0.5)
    if (spots := bird.mark("wing_spots")) is not None:
        for behind in (30, 38, 46, 54, 62):
            for height in (-6.5, -3.0, 0.2):
                if behind < 50 or height < -2:
                    centre = wing.at(behind, height * (1 - 0.006 * behind))
                    wing.canvas.drawCircle(*centre.tolist(), 1.5, paint(spots, 0.9, blur=0.3, inside=True))


def _cast_shadow(wing: FoldedWing) -> None:
    shadow = [(-2, 4), (9, -11.5), (33, -10.5), (65, -4.0), (69, 5), (25, 13)]
    wing.canvas.drawPath(spline([wing.at(*p) for p in shadow]), paint(BLACK, 0.28, blur=2.2, inside=True))


def _blend_shoulder(wing: FoldedWing, colour: Array) -> None:
    """Cover the wing's bend and upper border with small feathers of breast side and back."""
    canvas, bird = wing.canvas, wing.bird
    with within(canvas, bird.anatomy.outline):
        bend = [(-4, 5), (-3.5, -2), (-1, -6.5), (4.5, -6.2), (7, 0), (8, 8), (2, 11)]
        canvas.drawPath(spline([wing.at(*p) for p in bend]), paint(colour, 0.95, blur=1.1))
        back, rng = bird.tract("back"), bird.streams("plumage.scapulars")
        mantle = [(-4, 10), (10, 8.0), (26, 7.0), (44, 8.6), (36, 17), (10, 20)]
        canvas.drawPath(spline([wing.at(*p) for p in mantle]), paint(back, 0.95, blur=1.2))
        alpha = 0.18 * bird.individual.edge_strength
        for behind in np.sort(rng.uniform(-3, 36, 34))[::-1]:
            height, shade = rng.uniform(6.4, 15), rng.uniform(0.94, 1.06)
            root, end = wing.at(behind, height), wing.at(behind + 10, height - 1.5)
            feather(canvas, root, end, 4.2, Vane(back * shade, back * 1.12, alpha, shadow=0.08))
        if (patch := bird.mark("scapular_patch")) is not None:
            wing.patch(SCAPULAR_PATCH, patch, 0.97, 0.6)
        gleam = [(0, 5), (14, 3), (32, 1.5), (47, 1), (33, 5), (13, 8)]
        canvas.drawPath(spline([wing.at(*p) for p in gleam]), paint(WHITE, 0.06, blur=3))
