"""Small functions that everything drawn here is made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def ramp(values: Array | float, low: float, high: float) -> Array:
    """A smooth step from 0 at ``low`` to 1 at ``high``; falling where ``high`` is the smaller."""
    t = np.clip((np.asarray(values, np.float32) - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def bump(values: Array | float, centre: float, width: float) -> Array:
    """A Gaussian of height 1; ``width`` is its standard deviation."""
    return np.exp(-0.5 * ((np.asarray(values, np.float32) - centre) / width) ** 2)


def inside(distance: Array, softness: float) -> Array:
    """From a signed distance (negative inside) to an occupancy in 0..1 with an edge ``softness`` wide."""
    return np.clip(0.5 - distance / softness, 0, 1)


def unite(*occupancies: Array) -> Array:
    """Where any of several occupancies holds."""
    rest: Array | float = 1.0
    for occupancy in occupancies:
        rest = rest * (1 - occupancy)
    return np.asarray(1 - rest, np.float32)


def clouds(rng: np.random.Generator, side: int, slope: float, coarsest: float = 1.0) -> Array:
    """A random texture with mean 0 and standard deviation 1.

    Args:
        rng: Decides it.
        side: In pixels.
        slope: The amplitude falls as frequency to this power: 0 is white noise, 2 is smooth.
        coarsest: Lowest frequency, in periods a picture.
    """
    rows, columns = np.fft.fftfreq(side)[:, None] * side, np.fft.rfftfreq(side)[None] * side
    radius = np.hypot(rows, columns)
    weight = np.where(radius < coarsest, 0, np.maximum(radius, 1) ** -slope)
    spectrum = weight * (rng.standard_normal(radius.shape) + 1j * rng.standard_normal(radius.shape))
    field = np.fft.irfft2(spectrum, (side, side))
    return ((field - field.mean()) / field.std()).astype(np.float32)
