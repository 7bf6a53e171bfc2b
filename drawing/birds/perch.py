"""What the bird sits or stands on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from birds._skia import skia
from birds.drawing import BLACK, Array, bend, ellipse, paint, spline, vec
from birds.raster import draw_array, soft_noise
from birds.twigs import BARK, SNOW, draw_branch, draw_leaves, pick_colour

EARTH = ("6f6149", "7d6f55", "665d48", "746f4a", "857658")
STONE = ("857f75", "6e6a64", "938a78", "6a6a66")
WEATHERED = ("8a7f70", "76695a", "968b7c")


@dataclass(frozen=True)
class Site:
    """Where the perch has to be.

    Attributes:
        foot: Pixel where the bird's feet grip.
        scale: Pixels a unit.
        size: Side of the picture.
        snow: Snow lies on wood and stone.
    """

    foot: Array
    scale: float
    size: int
    snow: bool = False


def paint_perch(canvas: skia.Canvas, kind: str, site: Site, rng: np.random.Generator) -> None:
    """Draw a perch under the bird's feet, with the bird's shadow on it.

    Args:
        canvas: Where to draw.
        kind: ``"branch"``, ``"twig"``, ``"bank"``, ``"rock"`` or ``"post"``.
        site: Where it has to be.
        rng: The perch's stream.
    """
    {"branch": _branch, "twig": _twig, "bank": _bank, "rock": _rock, "post": _post}[kind](canvas, site, rng)
    shadow = ellipse(site.foot + vec(0, 2.5 * site.scale), 18 * site.scale, 4 * site.scale)
    canvas.drawOval(shadow, paint(BLACK, 0.3, blur=2 * site.scale))


def _branch(canvas: skia.Canvas, site: Site, rng: np.random.Generator) -> None:
    _wood(canvas, site, rng, site.scale * rng.uniform(8, 15))


def _twig(canvas: skia.Canvas, site: Site, rng: np.random.Generator) -> None:
    _wood(canvas, site, rng, site.scale * rng.uniform(4, 7))


def _wood(canvas: skia.Canvas, site: Site, rng: np.random.Generator, width: float) -> None:
    """A branch across the picture, with side twigs that grow from it and carry leaves."""
    size, foot = site.size, site.foot
    x = np.linspace(-0.2, 1.2, 9) * size
    slope, arch = rng.normal(0, 0.18), rng.normal(0, 0.12)
    y = (x - foot[0]) * slope + ((x - foot[0]) / size) ** 2 * arch * size + rng.normal(0, width * 0.1, 9)
    y += foot[1] + width * 0.45 - np.interp(foot[0], x, y)
    points, colour = np.stack([x, y], axis=1), pick_colour(rng, BARK)
    for _ in range(rng.integers(0, 4)):
        root = points[rng.integers(1, 8)]
        tip = root + np.array([rng.normal(0, 0.22), -rng.uniform(-0.25, 0.42)]) * size
        side = bend(root, (root + tip) / 2 + rng.normal(0, 0.035, 2) * size, tip, 9)
        draw_branch(
            canvas, side, width * 0.38, colour * rng.uniform(0.8, 1.0), rng, snow=site.snow, lichen=False
        )
        if rng.random() < 0.7 and not site.snow:
            draw_leaves(canvas, side, size, rng, blur=rng.choice([0.0, 0.0, 0.004]) * size)
    draw_branch(canvas, points, width, colour, rng, snow=site.snow)


def _bank(canvas: skia.Canvas, site: Site, rng: np.random.Generator) -> None:
    """Bare or mossy ground, uneven, across the whole picture."""
    x = np.linspace(-1.3, 1.3, 15) * site.size
    y = rng.normal(0, 0.008, 15) * site.size + rng.normal(0, 0.04) * x
    y[[0, -1]] += 0.02 * site.size
    _block(canvas, site, rng, np.stack([x, y], axis=1), pick_colour(rng, EARTH), (14.0, 22.0))


def _rock(canvas: skia.Canvas, site: Site, rng: np.random.Generator) -> None:
    """The top of a boulder that reaches below the picture's lower border."""
    half = site.size * rng.uniform(0.5, 0.9)
    x = np.linspace(-1, 1, 11)
    y = (0.5 * np.abs(x) ** 2.6 + 0.05 * rng.normal() * x) * site.size + rng.normal(0, 0.006 * site.size, 11)
    y[[0, -1]] += site.size
    colour = pick_colour(rng, STONE) * 1.12
    _block(canvas, site, rng, np.stack([x * half, y], axis=1), colour, (9.0, 10.0))


def _post(canvas: skia.Canvas, site: Site, rng: np.random.Generator) -> None:
    half = site.scale * rng.uniform(13, 20)
    x = np.array([-1, -0.97, -0.7, -0.35, 0, 0.35, 0.7, 0.97, 1])
    y = np.array([3.5, 1.2, 0.2, 0, 0, 0, 0.2, 1.2, 3.5]) * site.scale
    colour = pick_colour(rng, WEATHERED)
    _block(canvas, site, rng, np.stack([x * half, y], axis=1), colour, (28.0, 1.5))


def _block(
    canvas: skia.Canvas,
    site: Site,
    rng: np.random.Generator,
    top: Array,
    colour: Array,
    cells: tuple[float, float],
) -> None:
    """A solid perch below its top line, given relative to the feet; darker to one side and below."""
    size, scale = site.size, site.scale
    top = top + site.foot + [0, 1.2 * scale - np.interp(0, top[:, 0], top[:, 1])]
    left, right = top[0], top[-1]
    shape = skia.Path()
    shape.addPath(spline(top, closed=False))
    shape.lineTo(float(right[0]), 1.2 * size)
    shape.lineTo(float(left[0]), 1.2 * size)
    shape.close()
    canvas.drawPath(shape, paint(colour * 0.92))
    canvas.save()
    canvas.clipPath(shape, skia.ClipOp.kIntersect, True)
    grain = soft_noise(rng, size, *cells, 3) - 0.5
    grey = np.where(grain > 0, 1.0, 0.0)[..., None] * np.ones(3)
    draw_array(canvas, grey, np.clip(np.abs(grain) * 0.55, 0, 0.25), size)
    shadow = [
        (right[0], left[1]),
        (right[0], 1.2 * size),
        (right[0] - 0.25 * (right[0] - left[0]), 0.9 * size),
    ]
    canvas.drawPath(spline(shadow), paint(BLACK, 0.3, blur=0.06 * size))
    line_colour = SNOW if site.snow else colour * 1.15
    width = scale * (7 if site.snow else 2)
    canvas.drawPath(spline(top, closed=False), paint(line_colour, 0.8, blur=scale * 0.9, stroke=width))
    canvas.restore()
