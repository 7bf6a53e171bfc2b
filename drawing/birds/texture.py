"""Body feathers as thousands of short strokes along the plumage."""

from __future__ import annotations

import numpy as np

from birds._skia import skia
from birds.drawing import Array, unit, within
from birds.posed_bird import PosedBird
from birds.raster import Layer

STROKES = 3200


def paint_texture(layer: Layer, bird: PosedBird) -> None:
    """Lay strokes over head and trunk, each in a shade of the colour beneath it.

    Strokes end inside the silhouette, so that no hair sticks out of it.
    """
    outline, canvas = bird.anatomy.outline, layer.canvas
    rng = bird.streams("plumage.texture")
    bounds = outline.getBounds()
    low, high = (bounds.left(), bounds.top()), (bounds.right(), bounds.bottom())
    starts = rng.uniform(low, high, (STROKES, 2))
    length, tone, width, sway = (
        rng.uniform(0.5, 1.3, STROKES),
        rng.normal(0, 0.7, STROKES),
        rng.random(STROKES),
        rng.normal(0, 0.2, STROKES),
    )
    flow, looseness, rows = _flow(bird, starts)
    length = length * (1.8 + 2.6 * looseness)
    ends = starts + flow * length[:, None] + _across(flow) * (length * sway)[:, None]
    colours, opaque = _read(layer, starts)
    tone = tone + 0.5 * rows * looseness
    shades = np.clip(colours * (1 + 0.085 * tone[:, None]) + 0.008 * tone[:, None], 0, 1)
    brush = skia.Paint(AntiAlias=True)
    brush.setStyle(skia.Paint.kStroke_Style)
    brush.setStrokeCap(skia.Paint.kRound_Cap)
    with within(canvas, outline):
        for i in np.flatnonzero(opaque):
            brush.setColor4f(skia.Color4f(*shades[i].tolist(), 0.6))
            brush.setStrokeWidth(float(0.32 + 0.42 * looseness[i] * width[i]))
            canvas.drawLine(*starts[i].tolist(), *ends[i].tolist(), brush)


def _flow(bird: PosedBird, points: Array) -> tuple[Array, Array, Array]:
    """How the feathers lie at points.

    Returns:
        Unit vectors from the root to the tip of a feather: away from the bill on the head, along the body
        behind it; looseness from 0 (short head feathers) to 1; and waves that group strokes into rows.
    """
    anatomy = bird.anatomy
    from_head = np.hypot(*(points - anatomy.head_centre).T)
    looseness = np.clip((from_head - anatomy.head_radius) / 18, 0, 1)
    away = unit(points - anatomy.beside_head(0.9, 0))
    sag = np.where(points @ anatomy.dorsal < 0, -0.28, 0.05)
    along = -anatomy.forward + anatomy.dorsal * sag[:, None]
    flow = unit(away * (1 - looseness)[:, None] + along * looseness[:, None])
    x, y = points.T
    rows = np.sin(from_head * 1.35 + 3 * np.sin(x * 0.45) + 3 * np.sin(y * 0.5))
    return flow, looseness, rows


def _read(layer: Layer, points: Array) -> tuple[Array, Array]:
    """Colours of the layer at points of the canvas, and whether the layer is opaque there."""
    matrix = np.asarray(layer.canvas.getTotalMatrix().get9(), float).reshape(3, 3)
    pixels = (points @ matrix[:2, :2].T + matrix[:2, 2]).astype(int)
    size = len(layer.pixels)
    inside = ((pixels >= 0) & (pixels < size)).all(axis=1)
    x, y = np.clip(pixels, 0, size - 1).T
    found = layer.pixels[y, x] / 255
    return found[:, :3], inside & (found[:, 3] > 0.97)


def _across(vectors: Array) -> Array:
    return np.stack([-vectors[:, 1], vectors[:, 0]], axis=1)
