"""Small helpers around Skia: colours, paints, curves, tapered strokes, feathers.

Coordinates are (x, y) with y downwards; colours are float arrays (r, g, b) from 0 to 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import ArrayLike, NDArray

from birds._skia import skia

Array = NDArray[np.floating]
BLACK, WHITE = np.zeros(3), np.ones(3)
LUMINANCE = np.array([0.30, 0.59, 0.11])


def rgb(colour: str | ArrayLike) -> Array:
    """Colour as floats, from ``RRGGBB`` or from floats."""
    if isinstance(colour, str):
        return np.frombuffer(bytes.fromhex(colour), np.uint8) / 255
    return np.asarray(colour, float)


def mix(a: ArrayLike, b: ArrayLike, share: float) -> Array:
    """Blend of two colours or points: ``share`` of b, the rest of a."""
    return np.asarray(a, float) * (1 - share) + np.asarray(b, float) * share


def vec(x: float, y: float) -> Array:
    """A point, or a displacement."""
    return np.array([x, y], float)


def direction(degrees: float) -> Array:
    """Unit vector at an angle above the positive x axis."""
    angle = math.radians(degrees)
    return np.array([math.cos(angle), -math.sin(angle)])


def paint(
    colour: str | ArrayLike = BLACK,
    alpha: float = 1.0,
    *,
    blur: float = 0.0,
    stroke: float = 0.0,
    shader: skia.Shader | None = None,
    inside: bool = False,
) -> skia.Paint:
    """Antialiased paint.

    Args:
        colour: Fill or line colour.
        alpha: Opacity.
        blur: Standard deviation of a soft edge, in the canvas's units.
        stroke: Line width with round caps; 0 fills.
        shader: A gradient in place of the colour.
        inside: Colour only what is drawn already; the silhouette stays as it is.
    """
    result = skia.Paint(AntiAlias=True)
    result.setColor4f(skia.Color4f(*np.clip(rgb(colour), 0, 1).tolist(), float(alpha)))
    if blur > 0:
        result.setMaskFilter(skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, float(blur)))
    if stroke > 0:
        result.setStyle(skia.Paint.kStroke_Style)
        result.setStrokeWidth(float(stroke))
        result.setStrokeCap(skia.Paint.kRound_Cap)
    if shader is not None:
        result.setShader(shader)
    if inside:
        result.setBlendMode(skia.BlendMode.kSrcATop)
    return result


def _packed(colour: ArrayLike, alpha: float = 1.0) -> int:
    return skia.Color(*(np.clip(colour, 0, 1) * 255).astype(int).tolist(), int(alpha * 255))


def linear_gradient(
    start: ArrayLike, end: ArrayLike, colours: Iterable[ArrayLike], stops: Sequence[float], alpha: float = 1.0
) -> skia.Shader:
    """Gradient along a line; ``stops`` from 0 to 1."""
    ends = [skia.Point(*map(float, start)), skia.Point(*map(float, end))]
    return skia.GradientShader.MakeLinear(ends, [_packed(c, alpha) for c in colours], list(stops))


def radial_gradient(centre: ArrayLike, radius: float, inner: ArrayLike, outer: ArrayLike) -> skia.Shader:
    """Gradient from a centre outwards."""
    colours = [_packed(inner), _packed(outer)]
    return skia.GradientShader.MakeRadial(skia.Point(*map(float, centre)), float(radius), colours)


def spline(points: Iterable[ArrayLike], *, closed: bool = True) -> skia.Path:
    """Smooth path through points: a centripetal Catmull-Rom spline as cubic Bezier pieces.

    Centripetal knots keep unevenly spaced points from making loops and overshoots.
    """
    knots = [np.asarray(p, float) for p in points]
    n = len(knots)
    path = skia.Path()
    path.moveTo(*map(float, knots[0]))
    for i in range(n if closed else n - 1):
        before = knots[(i - 1) % n] if closed or i > 0 else knots[i]
        a, b = knots[i], knots[(i + 1) % n]
        after = knots[(i + 2) % n] if closed or i + 2 < n else b
        d1, d2, d3 = (math.sqrt(np.hypot(*(q - p))) + 1e-6 for p, q in ((before, a), (a, b), (b, after)))
        out = (d1**2 * b - d2**2 * before + (2 * d1**2 + 3 * d1 * d2 + d2**2) * a) / (3 * d1 * (d1 + d2))
        into = (d3**2 * a - d2**2 * after + (2 * d3**2 + 3 * d3 * d2 + d2**2) * b) / (3 * d3 * (d3 + d2))
        path.cubicTo(*(out if d1 > 1e-5 else a).tolist(), *(into if d3 > 1e-5 else b).tolist(), *b.tolist())
    if closed:
        path.close()
    return path


def tapered(points: Iterable[ArrayLike], widths: ArrayLike) -> skia.Path:
    """Stroke of varying width along points, as a path to fill."""
    line = np.asarray([np.asarray(p, float) for p in points])
    tangent = np.gradient(line, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-9
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    side = normal * np.broadcast_to(np.asarray(widths, float), len(line))[:, None] / 2
    return spline([*(line + side), *(line - side)[::-1]])


def narrowed(outline: Sequence[tuple[float, float]], share: float) -> list[tuple[float, float]]:
    """Outline of a narrower stripe, in whatever coordinates.

    Args:
        outline: Along one side of the stripe and back along the other: the first corner faces the last, the
            second the last but one; an odd corner in the middle is the tip.
        share: Of the width that is kept.
    """
    return [lerp(lerp(p, q, 0.5), p, share) for p, q in zip(outline, outline[::-1], strict=True)]


def bend(start: ArrayLike, pull: ArrayLike, end: ArrayLike, count: int = 7) -> Array:
    """Points on a quadratic Bezier curve from start to end, drawn towards pull."""
    t = np.linspace(0, 1, count)[:, None]
    start, pull, end = (np.asarray(p, float) for p in (start, pull, end))
    return (1 - t) ** 2 * start + 2 * t * (1 - t) * pull + t * t * end


def ellipse(centre: ArrayLike, width: float, height: float) -> skia.Rect:
    """Bounding rectangle of an ellipse around a centre, for ``drawOval``."""
    x, y = map(float, centre)
    return skia.Rect.MakeXYWH(x - width / 2, y - height / 2, float(width), float(height))


def line(canvas: skia.Canvas, start: ArrayLike, end: ArrayLike, brush: skia.Paint) -> None:
    """Draw a straight line."""
    canvas.drawLine(*map(float, start), *map(float, end), brush)


def unit(vectors: ArrayLike) -> Array:
    """Vectors of length 1, along the last axis."""
    vectors = np.asarray(vectors, float)
    return vectors / (np.linalg.norm(vectors, axis=-1, keepdims=True) + 1e-6)


def balls_path(balls: Array) -> skia.Path:
    """Circles that overlap, as one path; (n, 3): x, y and radius."""
    path = skia.Path()
    for x, y, radius in balls.tolist():
        path.addCircle(x, y, radius)
    path.setFillType(skia.PathFillType.kWinding)
    return path


@contextmanager
def within(canvas: skia.Canvas, path: skia.Path) -> Iterator[None]:
    """Keep what is drawn inside a path.

    What lies outside is erased once at the end: clipping every stroke to a path of many circles is slow.
    """
    canvas.saveLayer(None, None)
    yield
    outside = skia.Path(path)
    outside.setFillType(skia.PathFillType.kInverseWinding)
    eraser = paint()
    eraser.setBlendMode(skia.BlendMode.kDstOut)
    canvas.drawPath(outside, eraser)
    canvas.restore()


def lerp(a: ArrayLike, b: ArrayLike, t: float) -> tuple[float, float]:
    """Point at share t of the way from a to b, in whatever coordinates they are."""
    (ax, ay), (bx, by) = a, b
    return ax + (bx - ax) * t, ay + (by - ay) * t
