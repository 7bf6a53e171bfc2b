"""Where the camera stands, and how its picture is developed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from fieldguide._skia import skia
from fieldguide.drawing import LUMINANCE, Array

MARGIN = 0.02
SHARE = (0.66, 1.0)
"""Length of the bird from bill to tail as a share of the picture's side, if it fits."""


@dataclass(frozen=True)
class Framing:
    """How units map to pixels.

    Attributes:
        scale: Pixels a unit.
        flipped: The bird faces left.
        roll: Rotation of the bird and its perch, in degrees.
        offset: Pixel of the origin of body coordinates.
    """

    scale: float
    flipped: bool
    roll: float
    offset: tuple[float, float]

    @property
    def matrix(self) -> skia.Matrix:
        """From units to pixels, as Skia wants it."""
        return skia.Matrix.MakeAll(
            *self._linear[0], self.offset[0], *self._linear[1], self.offset[1], 0, 0, 1
        )

    @property
    def _linear(self) -> list[list[float]]:
        return linear_part(self.scale, self.flipped, self.roll).tolist()

    def to_pixels(self, points: Array) -> Array:
        """Pixels of points in units, (2,) or (n, 2)."""
        return np.asarray(points, float) @ np.array(self._linear).T + self.offset


def linear_part(scale: float, flipped: bool, roll: float) -> Array:
    """Scaling, mirroring and rotation as a 2 x 2 matrix."""
    cos, sin = np.cos(np.radians(roll)), np.sin(np.radians(roll))
    return scale * np.array([[cos, -sin], [sin, cos]]) @ np.diag([-1.0 if flipped else 1.0, 1.0])


def frame(extent: Array, length: float, rng: np.random.Generator, size: int) -> Framing:
    """Choose distance and direction such that the whole bird is in the picture.

    Args:
        extent: Outermost points of the bird, (n, 2), in units.
        length: Of the bird from bill to tail, in units; about 125 for a songbird.
        rng: Stream of the framing.
        size: Side of the picture in px.
    """
    flipped, roll = bool(rng.random() < 0.5), float(rng.normal(0, 3.5))
    share, place = rng.uniform(*SHARE), rng.beta(2.5, 2.5, 2)
    turned = extent @ linear_part(1, flipped, roll).T
    low, high = turned.min(axis=0), turned.max(axis=0)
    scale = size * min(share / length, (1 - 2 * MARGIN) / float((high - low).max()))
    free = size * (1 - 2 * MARGIN) - scale * (high - low)
    offset = size * MARGIN + free * place - scale * low
    return Framing(scale, flipped, roll, (float(offset[0]), float(offset[1])))


def develop(picture: Array, rng: np.random.Generator) -> Array:
    """Make a photograph of the picture: contrast, colour, vignette, softness, noise.

    White balance moves between blue and amber only, never to violet or green. Nothing here looks at the
    picture, so that a change in the bird changes no other pixel.

    Args:
        picture: (size, size, 3), light from 0 to 1 and somewhat above.
        rng: The camera's stream.
    """
    size = len(picture)
    amber = rng.normal(0, 0.02)
    gain = 2 ** rng.normal(0, 0.10) * np.array([1 + amber, 1.0, 1 - amber])
    values = _shoulder(picture * gain)
    contrast = rng.uniform(0.1, 0.5)
    values = values * (1 - contrast) + contrast * values**2 * (3 - 2 * values)
    grey = (values @ LUMINANCE)[..., None]
    values = grey + (values - grey) * rng.uniform(0.78, 0.94)
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    values *= (1 - rng.uniform(0, 0.22) * (x * x + y * y) / 2)[..., None]
    if (blur := rng.uniform(-0.9, 0.9)) > 0:
        values = gaussian_filter(values, (blur * size / 320, blur * size / 320, 0))
    noise = rng.gamma(1.5, 0.004)
    grain = rng.normal(0, 0.8 * noise, (size, size, 1)) + rng.normal(0, 0.4 * noise, (size, size, 3))
    return np.clip(values + grain, 0, 1)


def _shoulder(values: Array, knee: float = 0.82) -> Array:
    """Bend values above the knee towards 1, so that highlights keep their colour."""
    over = np.maximum(values - knee, 0) / (1 - knee)
    return np.where(values > knee, knee + (1 - knee) * (1 - np.exp(-over)), np.maximum(values, 0))
