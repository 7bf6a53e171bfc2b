"""What lies between the camera and the bird besides leaves: mist, rain, snow; and water around its feet."""

from __future__ import annotations

import numpy as np

from birds._skia import skia
from birds.drawing import Array, line, mix, paint
from birds.raster import Layer, soft_noise

WEATHERS = {"clear": 0.68, "mist": 0.12, "rain": 0.12, "snow": 0.08}
"""Kinds of weather and how often they are drawn; it snows in cold habitats only, elsewhere it rains."""


def draw_weather(rng: np.random.Generator, *, cold: bool) -> str:
    """Draw the weather of a picture."""
    kind = str(rng.choice(list(WEATHERS), p=list(WEATHERS.values())))
    if kind in ("rain", "snow"):
        return "snow" if cold else "rain"
    return kind


def veil(picture: Array, surroundings: Array, bird: Array, weather: str, rng: np.random.Generator) -> Array:
    """Lay mist over a picture: thick before the habitat, thin before the bird, which is near.

    Args:
        picture: (size, size, 3) from 0 to 1.
        surroundings: Colour of the light that the mist scatters: the habitat's.
        bird: Coverage of the bird, (size, size) from 0 to 1.
        weather: Only mist and precipitation dim the view.
        rng: The weather's stream.
    """
    if weather == "clear":
        return picture
    far, near = (rng.uniform(0.25, 0.5), rng.uniform(0.03, 0.12))
    if weather != "mist":
        far, near = 0.45 * far, 0.3 * near
    size = len(picture)
    cloud = 0.75 + 0.5 * soft_noise(rng, size, 2, 4, 2)
    grey = mix(surroundings, np.array([0.80, 0.82, 0.83]), 0.6)
    share = np.clip((far + (near - far) * bird) * cloud, 0, 0.8)[..., None]
    return picture * (1 - share) + grey * share


def paint_precipitation(layer: Layer, weather: str, rng: np.random.Generator) -> None:
    """Draw falling rain or snow, some of it nearer than the focus."""
    size, canvas = len(layer.pixels), layer.canvas
    if weather == "rain":
        lean = rng.normal(0, 0.12)
        for _ in range(rng.integers(50, 110)):
            start, length = rng.uniform(-0.05, 1, 2) * size, size * rng.uniform(0.03, 0.10)
            brush = paint(
                "e6ecef", rng.uniform(0.10, 0.34), stroke=size * rng.uniform(0.0015, 0.004), blur=0.3
            )
            line(canvas, start, start + length * np.array([lean, 1.0]), brush)
    elif weather == "snow":
        for _ in range(rng.integers(40, 90)):
            (x, y), radius = rng.uniform(0, size, 2).tolist(), size * 0.003 * (1 + rng.gamma(1.2, 0.9))
            canvas.drawCircle(x, y, radius, paint("f6f8fa", rng.uniform(0.35, 0.85), blur=radius * 0.4))


def flood(picture: Array, waterline: float, water: Array, rng: np.random.Generator) -> Array:
    """Let still water cover what lies below a line, and mirror what stands above it.

    Args:
        picture: (size, size, 3) from 0 to 1.
        waterline: Height of the water, in px from the top.
        water: Colour of the water.
        rng: Stream of the ripples.
    """
    size = len(picture)
    top = int(np.clip(round(waterline), 1, size - 1))
    rows = np.arange(top, size)
    depth = (rows - top) / size
    waves = soft_noise(rng, size, 3, 26, 2)[top:] - 0.5
    shift = waves * (2 + 60 * depth[:, None]) * size / 256
    source_y = np.clip(2 * top - rows[:, None] - 1 + 0.4 * shift, 0, size - 1).astype(int)
    source_x = np.clip(np.arange(size)[None] + shift, 0, size - 1).astype(int)
    mirrored = picture[source_y, source_x]
    clear = np.clip(0.62 - 0.7 * depth, 0.2, 1)[:, None, None]
    surface = water * (0.92 + 0.32 * waves[..., None])
    result = picture.copy()
    result[top:] = mirrored * clear + surface * (1 - clear)
    return result


def ring_waves(layer: Layer, foot: Array, waterline: float, scale: float, rng: np.random.Generator) -> None:
    """Draw the rings that spread on the water from where the bird stands or swims."""
    for k in range(3):
        width, height = scale * (20 + 17 * k) * rng.uniform(0.9, 1.1), scale * (2.4 + 2.0 * k)
        rect = skia.Rect.MakeXYWH(float(foot[0] - width), float(waterline - 0.2 * height), 2 * width, height)
        layer.canvas.drawOval(rect, paint("eef3f3", 0.30 - 0.08 * k, stroke=0.8 * scale, blur=0.5 * scale))
