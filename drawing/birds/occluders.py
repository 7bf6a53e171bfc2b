"""What stands between the camera and the bird."""

from __future__ import annotations

import numpy as np

from birds._skia import skia
from birds.drawing import Array, bend
from birds.raster import Layer
from birds.twigs import BARK, draw_leaves, draw_stem, pick_colour

SHARE = 0.72
"""How often there is anything."""
MOST_HIDDEN = 0.32
"""Share of the bird that may be hidden."""
LEAST_HIDDEN = 0.02
TRIES = 8
REED = ("a39657", "8a8744", "b3a06a", "72783f")


def draw_occluders(bird: Array, eye: Array, mark: Array, rng: np.random.Generator, *, snow: bool) -> Layer:
    """Draw twigs, leaves or blades in front of the bird, again until they hide neither eye nor mark.

    The first of a few tries that hides something of the bird is taken, else any that hides not too much.

    Args:
        bird: Coverage of the bird, (size, size) from 0 to 1.
        eye: bool, (size, size): what must stay free.
        mark: bool, (size, size): where the deciding mark shows; most of it must stay free.
        rng: The occluders' stream.
        snow: No leaves in winter.
    """
    size = len(bird)
    allowed = Layer(size)
    if rng.random() >= SHARE:
        return allowed
    whole = bird > 0.5
    for _ in range(TRIES):
        front = Layer(size)
        _paint(front.canvas, size, rng, snow)
        covered = front.alpha
        hidden = (whole & (covered >= 0.5)).sum() / max(1, whole.sum())
        spoilt = (eye & (covered > 0.1)).any() or (mark & (covered >= 0.3)).sum() > 0.3 * mark.sum()
        if spoilt or hidden > MOST_HIDDEN:
            continue
        if hidden >= LEAST_HIDDEN:
            return front
        allowed = front
    return allowed


def _paint(canvas: skia.Canvas, size: int, rng: np.random.Generator, snow: bool) -> None:
    blur = size * rng.uniform(0.0012, 0.012)
    kinds = ("bare", "grass") if snow else ("leafy", "leafy", "bare", "grass")
    for _ in range(rng.integers(1, 4)):
        kind = str(rng.choice(kinds))
        if kind == "grass":
            _paint_blades(canvas, size, rng, blur)
            continue
        goal = rng.uniform(0.2, 0.8, 2)
        border = ((goal[0], 1.05), (goal[0] + 0.1, -0.05), (-0.05, goal[1]), (1.05, goal[1]))[rng.integers(4)]
        reach = (goal - border) * rng.uniform(0.6, 0.95)
        curve = _arc(np.array(border), reach, rng) * size
        width, colour = size * rng.uniform(0.009, 0.018), pick_colour(rng, BARK)
        draw_stem(canvas, curve, width, colour, blur=blur, taper=0.35)
        if kind == "leafy":
            draw_leaves(canvas, curve, int(size * rng.uniform(1.3, 1.9)), rng, blur)
            continue
        for share in np.sort(rng.uniform(0.3, 0.85, rng.integers(2, 5))):
            shoot = _turned(reach, rng.choice((-1, 1)) * rng.uniform(28, 55)) * (1 - share) * 0.7
            fork = curve[int(share * (len(curve) - 1))] / size
            draw_stem(canvas, _arc(fork, shoot, rng) * size, 0.6 * width, colour, blur=blur, taper=0.35)


def _arc(root: Array, reach: Array, rng: np.random.Generator) -> Array:
    """A slightly bent line from a root, in shares of the picture."""
    sag = _turned(reach, 90) * rng.normal(0, 0.1)
    return bend(root, root + reach / 2 + sag, root + reach, 8)


def _turned(vector: Array, degrees: float) -> Array:
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[cos, -sin], [sin, cos]]) @ vector


def _paint_blades(canvas: skia.Canvas, size: int, rng: np.random.Generator, blur: float) -> None:
    """A tuft of grass or reed from the lower border."""
    root = rng.uniform(0, 1)
    for _ in range(rng.integers(2, 6)):
        x, lean = root + rng.normal(0, 0.05), rng.normal(0, 0.2)
        blade = bend((x, 1.05), (x + 0.2 * lean, 0.8), (x + lean, rng.uniform(0.25, 0.75)), 8) * size
        width = size * rng.uniform(0.007, 0.016)
        draw_stem(canvas, blade, width, pick_colour(rng, REED), blur=blur, taper=0.1)
