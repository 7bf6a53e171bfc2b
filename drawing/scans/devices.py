"""Wires and tubes on the patient: frequent where people lie in bed."""

from __future__ import annotations

import numpy as np

from drawn_set.streams import Streams
from scans.rays import Rays
from scans.scanner import Scanner
from scans.shapes import Array
from scans.tubes import Cloud, filling, together

METAL = 6.0
"""Attenuation of a wire relative to cortical bone."""


def devices(rays: Rays, scanner: Scanner, seed: int) -> Array:
    """Bone that would absorb as much as what lies on this patient, in cm (side, side)."""
    rng = Streams(seed)("devices")
    front = -13.0
    parts: list[Cloud] = []
    if rng.random() < (0.06 if scanner.upright else 0.75):
        for _ in range(rng.integers(2, 5)):
            parts += _lead(rng, front)
    if rng.random() < (0.03 if scanner.upright else 0.35):
        parts.append(_line(rng))
    if not parts:
        return np.zeros((rays.side, rays.side), np.float32)
    return METAL * rays.project(*together(parts))


def _lead(rng: np.random.Generator, depth: float) -> list[Cloud]:
    """An electrode and its cable, out of the picture by the nearest way."""
    t = np.linspace(0, 1, 900)
    x, z = rng.choice([-1, 1]) * rng.uniform(4, 13), rng.uniform(-12, 9)
    end = rng.uniform(-16, 16), rng.choice([-24.0, 24.0])
    sway = np.sin(np.pi * t)
    path = np.stack(
        [
            x + (end[0] - x) * t + 3 * rng.standard_normal() * sway,
            np.full_like(t, depth),
            z + (end[1] - z) * t + 2.5 * rng.standard_normal() * sway,
        ],
        1,
    )
    button = np.array([x, depth, z]) + np.stack([0 * t, 0.25 * (t - 0.5), 0 * t], 1)
    return [filling(path, 0.04, 0.04, rng), filling(button, 0.32, 0.32, rng, 16)]


def _line(rng: np.random.Generator) -> Cloud:
    """A venous catheter from the neck or below the collar bone to the right side of the heart."""
    t = np.linspace(0, 1, 1400)[:, None]
    side = rng.choice([-1, 1])
    start, middle = np.array([side * 5.0, -3.0, 17.0]), np.array([side * 2.2, -2.0, 9.5])
    end = np.array([-2.2, -1.0, rng.uniform(-1, 4)])
    path = (1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * end
    return filling(path, 0.09, 0.09, rng, 6)
