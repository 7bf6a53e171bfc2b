"""Where the camera stands, and how its picture is developed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from birds._skia import skia
from birds.drawing import LUMINANCE, Array

MARGIN = 0.02
SHARE = (0.5, 0.95)
"""Length of the bird from bill to tail as a share of the picture's side, if it fits."""
DEFOCUS = (-0.003, 0.0045)
MOTION = (-0.03, 0.014)
"""Blur and movement as shares of the picture's side; below 0 there is none."""
QUALITY = (45, 86)
MOMENTS = 9
"""Moments of an exposure at which a moving picture is added up."""


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
    flipped, roll = bool(rng.random() < 0.5), float(rng.normal(0, 5))
    share, place = rng.uniform(*SHARE), rng.beta(2.5, 2.5, 2)
    turned = extent @ linear_part(1, flipped, roll).T
    low, high = turned.min(axis=0), turned.max(axis=0)
    scale = size * min(share / length, (1 - 2 * MARGIN) / float((high - low).max()))
    free = size * (1 - 2 * MARGIN) - scale * (high - low)
    offset = size * MARGIN + free * place - scale * low
    return Framing(scale, flipped, roll, (float(offset[0]), float(offset[1])))


@dataclass(frozen=True)
class Camera:
    """How a picture was taken and stored. Nothing here looks at the picture, so a change in the bird changes
    no pixel far from it.

    Attributes:
        gain: Exposure and white balance: factors on red, green and blue.
        contrast: Share of an S-shaped tone curve.
        saturation: Factor on the distance from grey.
        vignette: Loss of light in the corners.
        defocus: Standard deviation of the blur, as a share of the picture's side.
        motion: How far the picture moved during the exposure, right and down, as a share of its side.
        noise: Standard deviation of the sensor's noise.
        quality: Of the lossy compression, 0 to 100.
    """

    gain: Array
    contrast: float
    saturation: float
    vignette: float
    defocus: float
    motion: tuple[float, float]
    noise: float
    quality: int

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Camera:
        """Draw a camera. White balance moves between blue and amber only, never to violet or green."""
        amber = rng.normal(0, 0.03)
        gain = 2 ** float(np.clip(rng.normal(0, 0.17), -0.5, 0.35)) * np.array([1 + amber, 1.0, 1 - amber])
        defocus = max(0.0, rng.uniform(*DEFOCUS))
        angle, length = rng.uniform(0, np.pi), max(0.0, rng.uniform(*MOTION))
        return cls(
            gain=gain,
            contrast=rng.uniform(0.05, 0.5),
            saturation=rng.uniform(0.74, 0.96),
            vignette=rng.uniform(0, 0.25),
            defocus=defocus,
            motion=(length * float(np.cos(angle)), length * float(np.sin(angle))),
            noise=float(rng.gamma(1.5, 0.006)),
            quality=int(rng.integers(*QUALITY)),
        )

    def soften(self, values: Array) -> Array:
        """Blur an array, (size, size) or (size, size, 3), as this camera does."""
        size, channels = len(values), (0,) * (values.ndim - 2)
        if self.defocus:
            values = gaussian_filter(values, (self.defocus * size, self.defocus * size, *channels))
        if any(self.motion):
            values = _moved(values, np.array(self.motion) * size)
        return values

    def develop(self, picture: Array, rng: np.random.Generator) -> Array:
        """Make a photograph of the picture: exposure, tones, colour, vignette, blur, noise.

        Args:
            picture: (size, size, 3), light from 0 to 1 and somewhat above.
            rng: Stream of the noise.
        """
        size = len(picture)
        values = _shoulder((picture * self.gain).astype(np.float32))
        values = values * (1 - self.contrast) + self.contrast * values**2 * (3 - 2 * values)
        grey = (values @ LUMINANCE)[..., None]
        values = grey + (values - grey) * self.saturation
        y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
        values = self.soften(values * (1 - self.vignette * (x * x + y * y) / 2)[..., None])
        grain = rng.normal(0, 0.8 * self.noise, (size, size, 1)) + rng.normal(
            0, 0.4 * self.noise, (size, size, 3)
        )
        return np.clip(values + grain, 0, 1)


def _moved(values: Array, motion: Array) -> Array:
    """Mean of an array while it moves by so many pixels, right and down."""
    path = np.rint(np.linspace(-0.5, 0.5, MOMENTS)[:, None] * motion).astype(int)
    pad = int(np.abs(path).max())
    wide = np.pad(values, ((pad, pad), (pad, pad), *((0, 0),) * (values.ndim - 2)), mode="edge")
    size = len(values)
    return sum(wide[pad - y :, pad - x :][:size, :size] for x, y in path) / np.float32(len(path))


def _shoulder(values: Array, knee: float = 0.82) -> Array:
    """Bend values above the knee towards 1, so that highlights keep their colour."""
    over = np.maximum(values - knee, 0) / (1 - knee)
    return np.where(values > knee, knee + (1 - knee) * (1 - np.exp(-over)), np.maximum(values, 0))
