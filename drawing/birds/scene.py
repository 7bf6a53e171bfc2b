"""The habitat behind the bird, out of focus."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from birds._skia import skia
from birds.drawing import Array, bend, ellipse, mix, paint, rgb, spline, tapered
from birds.habitats import Habitat
from birds.raster import Layer, draw_array, soft_noise
from birds.twigs import draw_leaf
from drawn_set.streams import Streams

COARSE = 96


def paint_habitat(layer: Layer, habitat: Habitat, streams: Streams) -> None:
    """Fill a layer with a blurred background and what is out of focus in it."""
    size = len(layer.pixels)
    _paint_ground(layer.canvas, habitat, streams("habitat.ground"), size)
    for name, draw in CONTENTS.items():
        if name in habitat.contents:
            draw(layer.canvas, habitat, streams(f"habitat.{name}"), size)


def _paint_ground(canvas: skia.Canvas, habitat: Habitat, rng: np.random.Generator, size: int) -> None:
    """Blend the four ground colours by soft noise and a vertical gradient."""
    zoom = rng.uniform(0.7, 1.4)
    field = soft_noise(rng, COARSE, habitat.cells[0] * zoom, habitat.cells[1] * zoom)
    slope = np.linspace(0, 1, COARSE)[:, None] * rng.uniform(-0.5, 0.3)
    field = np.clip(field * rng.uniform(0.6, 1.0) + slope + rng.uniform(0.05, 0.2), 0, 0.999) * 3
    colours = np.array([rgb(c) for c in habitat.ground])
    step, share = field.astype(int), (field % 1)[..., None]
    blend = colours[step] * (1 - share) + colours[step + 1] * share
    grain = soft_noise(rng, COARSE, 6, 6, 2)[..., None] - 0.5
    draw_array(canvas, blend * (1 + 0.1 * grain), 1.0, size)


def _pick(rng: np.random.Generator, colours: tuple[str, ...]) -> Array:
    return rgb(colours[rng.integers(len(colours))])


def _paint_clouds(canvas: skia.Canvas, habitat: Habitat, rng: np.random.Generator, size: int) -> None:
    cover = np.clip((soft_noise(rng, COARSE, 2, 3.5, 4) - 0.5) * 2, 0, 1) * rng.uniform(0.1, 0.6)
    draw_array(canvas, np.broadcast_to(_pick(rng, habitat.spots), (COARSE, COARSE, 3)), cover, size)


def _paint_ridge(canvas: skia.Canvas, habitat: Habitat, rng: np.random.Generator, size: int) -> None:
    """A far bank, hedge or hill."""
    if rng.random() < 0.5:
        return
    x = np.linspace(-0.1, 1.1, 12)
    top = rng.uniform(0.35, 0.8) + rng.normal(0, 0.025, 12)
    corners = np.array([*zip(x, top, strict=True), (1.2, 1.2), (-0.2, 1.2)]) * size
    colour = _pick(rng, habitat.ground[:3]) * rng.uniform(0.75, 1.05)
    canvas.drawPath(
        spline(corners), paint(colour, rng.uniform(0.4, 0.85), blur=size * rng.uniform(0.012, 0.035))
    )


def _paint_bokeh(canvas: skia.Canvas, habitat: Habitat, rng: np.random.Generator, size: int) -> None:
    """Discs of light, as a lens makes of bright points far behind."""
    for _ in range(rng.integers(6, 34)):
        radius, alpha = size * rng.uniform(0.012, 0.06), rng.uniform(0.05, 0.28)
        colour, (x, y) = _pick(rng, habitat.spots), rng.uniform(0, size, 2)
        canvas.drawCircle(x, y, radius, paint(colour, alpha, blur=radius * rng.uniform(0.15, 0.5)))


def _paint_branches(canvas: skia.Canvas, habitat: Habitat, rng: np.random.Generator, size: int) -> None:
    for _ in range(rng.integers(0, 5)):
        start = np.array([rng.choice([-0.1, 1.1]), rng.uniform(-0.1, 1)])
        end = np.array([rng.uniform(0.2, 0.8), start[1] - rng.uniform(-0.3, 0.6)])
        curve = bend(start, (start + end) / 2 + rng.normal(0, 0.08, 2), end) * size
        width = size * rng.uniform(0.008, 0.035)
        colour = rgb(habitat.ground[0]) * rng.uniform(0.5, 0.95)
        brush = paint(colour, rng.uniform(0.2, 0.6), blur=size * rng.uniform(0.008, 0.025))
        canvas.drawPath(tapered(curve, np.linspace(width, width * 0.4, 7)), brush)


def _paint_leaves(canvas: skia.Canvas, habitat: Habitat, rng: np.random.Generator, size: int) -> None:
    """Tufts of leaves, far enough behind that only soft shapes remain."""
    for _ in range(rng.integers(1, 6)):
        tuft, blur = rng.uniform(0, 1, 2), size * rng.uniform(0.014, 0.035)
        colour = mix(_pick(rng, habitat.spots), _pick(rng, habitat.ground), rng.uniform(0.2, 0.8))
        for _ in range(rng.integers(4, 11)):
            place = (tuft + rng.normal(0, 0.07, 2)) * size
            length = size * rng.uniform(0.08, 0.2)
            draw_leaf(canvas, place, length, rng.uniform(0, 360), colour * rng.uniform(0.75, 1.1), rng, blur)


def _paint_stems(canvas: skia.Canvas, habitat: Habitat, rng: np.random.Generator, size: int) -> None:
    """Grass or reeds."""
    for _ in range(rng.integers(10, 40)):
        x, lean, top = rng.uniform(-0.1, 1.1), rng.normal(0, 0.12), rng.uniform(-0.2, 0.75)
        width = size * rng.uniform(0.004, 0.018)
        colour = _pick(rng, habitat.spots if rng.random() < 0.4 else habitat.ground) * rng.uniform(0.75, 1.1)
        curve = bend((x, 1.05), (x + 0.2 * lean, (1.05 + top) / 2), (x + lean, top)) * size
        brush = paint(colour, rng.uniform(0.25, 0.7), blur=size * rng.uniform(0.004, 0.016))
        canvas.drawPath(tapered(curve, np.linspace(width, width * 0.25, 7)), brush)


def _paint_ripples(canvas: skia.Canvas, habitat: Habitat, rng: np.random.Generator, size: int) -> None:
    for _ in range(rng.integers(16, 45)):
        place, length = rng.uniform(0, size, 2), size * rng.uniform(0.05, 0.3)
        colour = _pick(rng, habitat.spots if rng.random() < 0.6 else habitat.ground)
        brush = paint(colour, rng.uniform(0.06, 0.3), blur=size * 0.005)
        canvas.drawOval(ellipse(place, length, size * rng.uniform(0.004, 0.012)), brush)


CONTENTS: dict[str, Callable[[skia.Canvas, Habitat, np.random.Generator, int], None]] = {
    "clouds": _paint_clouds,
    "ridge": _paint_ridge,
    "bokeh": _paint_bokeh,
    "branches": _paint_branches,
    "leaves": _paint_leaves,
    "stems": _paint_stems,
    "ripples": _paint_ripples,
}
