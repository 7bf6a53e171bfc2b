"""From path lengths to a picture: radiation, scatter, blur, noise, and the machine's processing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, zoom

from scans.scanner import Scanner
from scans.shapes import Array, ramp


@dataclass(frozen=True, eq=False)
class Exposure:
    """The chance in one exposure: the same for a patient with and without an anomaly.

    Attributes:
        dose: Photons relative to the scanner's usual number.
        scatter: Scatter relative to its usual share.
        contrast: Steepness of the tone curve relative to the usual one.
        middle: Shift of its middle.
        grain: (side, side), mean 0 and standard deviation 1.
        shutters: (side, side), 0 where the beam was shut out.
    """

    dose: float
    scatter: float
    contrast: float
    middle: float
    grain: Array
    shutters: Array

    @classmethod
    def draw(cls, rng: np.random.Generator, scanner: Scanner, side: int) -> Exposure:
        """By chance."""
        white = rng.standard_normal((side, side)).astype(np.float32)
        soft = gaussian_filter(white, 0.7)
        mixed = (1 - scanner.grain) * white + scanner.grain * soft / soft.std()
        return cls(
            dose=float(np.exp(0.25 * rng.standard_normal())),
            scatter=1 + 0.08 * rng.standard_normal(),
            contrast=1 + 0.05 * rng.standard_normal(),
            middle=0.015 * rng.standard_normal(),
            grain=mixed / mixed.std(),
            shutters=_shutters(rng, side),
        )


def _shutters(rng: np.random.Generator, side: int) -> Array:
    if rng.random() > 0.5:
        return np.ones((side, side), np.float32)
    low, high, left, right = rng.uniform(0.005, 0.04, 4) * (rng.random(4) < 0.5) * side
    at = np.arange(side) + 0.5
    rows = ramp(at, low - 1, low + 1) * ramp(side - at, high - 1, high + 1)
    columns = ramp(at, left - 1, left + 1) * ramp(side - at, right - 1, right + 1)
    return rows[:, None] * columns[None]


Window = tuple[float, float]
"""Densities that become black and white."""


def develop(
    absorbed: Array,
    thickness: Array,
    scanner: Scanner,
    pixel: float,
    *,
    exposure: Exposure | None = None,
    window: Window | None = None,
) -> tuple[Array, Window]:
    """What the machine shows of a line integral.

    Args:
        absorbed: Attenuation along each ray, without unit.
        thickness: Of the body, in cm: thick parts scatter more.
        scanner: Which machine.
        pixel: Side of a pixel, in cm.
        exposure: Its chance; None makes a picture without noise and of usual settings.
        window: What to show; None takes what the machine would choose for this picture.

    Returns:
        Grey values 0 to 1 (side, side), bright where much was absorbed; and the window.
    """
    primary = np.exp(-absorbed)
    spread = 3.2 / pixel
    coarse = zoom(np.pad(primary, len(primary) // 4, mode="reflect"), 0.25, order=1)
    glow = zoom(gaussian_filter(coarse, spread / 4), 4, order=1)
    edge = len(primary) // 4
    glow = glow[edge : edge + len(primary), edge : edge + len(primary)]
    bulk = np.clip(gaussian_filter(thickness, 6) / 18, 0.15, 2) ** 0.3
    share = scanner.scatter * (exposure.scatter if exposure else 1)
    signal = primary + 0.45 * share * np.minimum(glow, 0.25) * bulk + 0.004 * scanner.scatter
    signal = gaussian_filter(signal, 0.1 * scanner.blur / pixel)
    if exposure:
        photons = scanner.photons * exposure.dose
        counts = np.maximum(signal * photons, 1)
        signal = np.maximum(counts + np.sqrt(counts) * exposure.grain, 5) / photons
    mixed = _mix_bands(-np.log(signal), scanner, pixel)
    if window is None:
        rim = len(mixed) // 8
        low, high = np.percentile(mixed[rim:-rim, rim:-rim], [2.5, 97.5])
        window = float(low), float(high)
    return _tone((mixed - window[0]) / (window[1] - window[0]), scanner, exposure), window


def _mix_bands(density: Array, scanner: Scanner, pixel: float) -> Array:
    """Coarse, middle and fine detail, with a gain each."""
    density = np.maximum(density, 0.35)
    wide, near = gaussian_filter(density, 4.0 / pixel), gaussian_filter(density, 0.9 / pixel)
    coarse, middle, fine = scanner.bands
    return coarse * wide + middle * (near - wide) + fine * (density - near)


def _tone(level: Array, scanner: Scanner, exposure: Exposure | None) -> Array:
    """The tone curve: steep in the middle, flat at both ends."""
    steep = scanner.contrast * (exposure.contrast if exposure else 1)
    centre = scanner.middle + (exposure.middle if exposure else 0)
    tone = 1 / (1 + np.exp(-steep * (level - centre)))
    black, white = 1 / (1 + np.exp(steep * centre)), 1 / (1 + np.exp(-steep * (1 - centre)))
    tone = (tone - black) / (white - black) * 0.93 + 0.02
    tone = np.where(tone > 0.78, 0.78 + (tone - 0.78) * 0.6, tone)  # the densest parts keep their detail
    if exposure is not None:
        tone = tone * exposure.shutters + 0.02 * (1 - exposure.shutters)
    return np.clip(tone, 0, 1)
