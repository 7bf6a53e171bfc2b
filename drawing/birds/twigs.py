"""Wood and leaves, for perches and for what stands between camera and bird."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from birds._skia import skia
from birds.drawing import Array, line, linear_gradient, paint, rgb, tapered, vec

BARK = ("5a4838", "6c5a4a", "4a3e34", "7a6a5a", "857868", "564a40", "665040")
LEAF = ("587434", "728c40", "48643a", "86964e", "40583a", "9c8440", "8f6038")
SNOW = rgb("e9edf1")


def pick_colour(rng: np.random.Generator, colours: tuple[str, ...]) -> Array:
    """One of several colours, somewhat lighter or darker."""
    return rgb(colours[rng.integers(len(colours))]) * rng.uniform(0.8, 1.15)


def draw_leaf(
    canvas: skia.Canvas,
    base: ArrayLike,
    length: float,
    degrees: float,
    colour: Array,
    rng: np.random.Generator,
    blur: float = 0.0,
) -> None:
    """Draw a leaf with midrib and veins.

    Args:
        canvas: Where to draw.
        base: Where its stalk ends and the blade begins.
        length: Of the blade, in pixels.
        degrees: Direction of the tip, clockwise from the right.
        colour: Of the blade.
        rng: Source of the blade's width.
        blur: Standard deviation of the blur; veins show only on leaves in focus.
    """
    width = length * rng.uniform(0.2, 0.32)
    canvas.save()
    canvas.translate(*map(float, base))
    canvas.rotate(float(degrees))
    blade = skia.Path()
    blade.moveTo(0, 0)
    blade.cubicTo(length * 0.25, -width * 1.1, length * 0.65, -width * 0.9, length, 0)
    blade.cubicTo(length * 0.7, width * 0.8, length * 0.3, width * 1.15, 0, 0)
    shade = linear_gradient((0, -width), (0, width), [colour * 1.18, colour, colour * 0.68], [0, 0.5, 1])
    canvas.drawPath(blade, paint(shader=shade, blur=blur))
    if blur < 1:
        line(canvas, (0, 0), (length * 0.95, 0), paint(colour * 1.35, 0.5, stroke=max(0.5, length * 0.018)))
        for t in np.arange(1, 6) / 6:
            reach = width * 0.65 * (1 - abs(t - 0.5))
            for side, tone in ((-reach, 1.25), (reach, 0.65)):
                vein = paint(colour * tone, 0.28, stroke=max(0.4, length * 0.01))
                line(canvas, (length * t, 0), (length * (t + 0.13), side), vein)
    canvas.restore()


def draw_leaves(
    canvas: skia.Canvas, twig: Array, size: int, rng: np.random.Generator, blur: float = 0.0
) -> None:
    """Draw leaves along a twig, left and right in turn, each on a stalk that starts at the twig.

    Args:
        canvas: Where to draw.
        twig: (n, 2) points of the twig, root first.
        size: Side of the picture.
        rng: Source of number, size and direction.
        blur: Standard deviation of the blur.
    """
    colour, length = pick_colour(rng, LEAF), size * rng.uniform(0.06, 0.12)
    along = np.linspace(0.3, 1.0, rng.integers(4, 8)) * (len(twig) - 1)
    for k, t in enumerate(along):
        i = min(int(t), len(twig) - 2)
        node, heading = twig[i] + (twig[i + 1] - twig[i]) * (t - i), twig[i + 1] - twig[i]
        side = 0.0 if k == len(along) - 1 else (1 if k % 2 else -1) * rng.uniform(35, 65)
        degrees = np.degrees(np.arctan2(heading[1], heading[0])) + side + rng.normal(0, 8)
        toward = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
        blade = node + toward * length * 0.14
        line(canvas, node, blade, paint(colour * 0.8, 1, stroke=max(0.8, size * 0.005), blur=blur * 0.6))
        shade = colour * rng.uniform(0.85, 1.12)
        draw_leaf(canvas, blade, length * rng.uniform(0.75, 1.1), degrees, shade, rng, blur)


def draw_branch(
    canvas: skia.Canvas,
    points: Array,
    width: float,
    colour: Array,
    rng: np.random.Generator,
    *,
    snow: bool = False,
    lichen: bool = True,
) -> None:
    """Draw a branch, lit from above, with furrowed bark, and lichen or snow on it."""
    count = len(points)
    widths = np.linspace(width * 1.1, width * 0.75, count) * (1 + 0.06 * rng.normal(size=count))
    shape = tapered(points, widths)
    canvas.drawPath(shape, paint(colour * 0.62))
    canvas.save()
    canvas.clipPath(shape, skia.ClipOp.kIntersect, True)
    canvas.drawPath(
        tapered(points - vec(0, width * 0.2), widths * 0.6), paint(colour * 1.15, 0.9, blur=width * 0.14)
    )
    canvas.drawPath(
        tapered(points + vec(0, width * 0.36), widths * 0.4), paint(colour * 0.35, 0.7, blur=width * 0.1)
    )
    _draw_bark(canvas, points, width, colour, rng)
    if lichen and not snow:
        _draw_lichen(canvas, points, width, rng)
    canvas.restore()
    if snow:
        top = points - vec(0, width * 0.4)
        thick = widths * 0.55 * (1 + 0.25 * rng.normal(size=count))
        canvas.drawPath(tapered(top, thick), paint(SNOW, blur=width * 0.03))
        canvas.drawPath(
            tapered(top + vec(0, width * 0.14), widths * 0.2), paint("a3afbe", 0.55, blur=width * 0.08)
        )


def _along(points: Array, t: float) -> tuple[Array, Array]:
    """Point of a polyline at parameter t, and the unit vector along it."""
    i = min(int(t), len(points) - 2)
    step = points[i + 1] - points[i]
    return points[i] + step * (t - i), step / (np.hypot(*step) + 1e-6)


def _draw_bark(
    canvas: skia.Canvas, points: Array, width: float, colour: Array, rng: np.random.Generator
) -> None:
    for _ in range(160):
        place, heading = _along(points, rng.uniform(0, len(points) - 1.01))
        start = place + np.array([-heading[1], heading[0]]) * rng.uniform(-0.5, 0.5) * width
        end = start + heading * width * rng.uniform(0.15, 0.8) + rng.normal(0, width * 0.03, 2)
        tone = rng.uniform(0.45, 0.8) if rng.random() < 0.6 else rng.uniform(1.1, 1.4)
        line(canvas, start, end, paint(colour * tone, 0.4, stroke=max(0.5, width * 0.035)))


def _draw_lichen(canvas: skia.Canvas, points: Array, width: float, rng: np.random.Generator) -> None:
    for _ in range(rng.integers(0, 10)):
        place, _ = _along(points, rng.uniform(0, len(points) - 1.01))
        place = place + rng.normal(0, width * 0.2, 2)
        colour = rgb("a3ac8a" if rng.random() < 0.8 else "b59a4e")
        for _ in range(7):
            x, y = place + rng.normal(0, width * 0.12, 2)
            canvas.drawCircle(
                x, y, width * rng.uniform(0.03, 0.09), paint(colour * rng.uniform(0.8, 1.05), 0.6)
            )


def draw_stem(
    canvas: skia.Canvas, points: Array, width: float, colour: Array, *, blur: float = 0.0, taper: float = 0.8
) -> None:
    """Draw a reed, a blade of grass or a thin twig, lit from one side.

    Args:
        canvas: Where to draw.
        points: (n, 2), root first.
        width: At the root.
        colour: In the light.
        blur: Standard deviation of the blur.
        taper: Width at the tip as a share of that at the root.
    """
    widths = np.linspace(width, width * taper, len(points))
    canvas.drawPath(tapered(points, widths), paint(colour * 0.7, blur=blur))
    canvas.drawPath(
        tapered(points - vec(width * 0.15, 0), widths * 0.5),
        paint(colour * 1.1, 0.8, blur=width * 0.12 + blur),
    )
