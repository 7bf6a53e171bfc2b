"""The thickness of the body without its air: trunk, shoulders, neck, muscle and breasts; and the gas below the lungs."""

from __future__ import annotations

import numpy as np

from drawn_set.streams import Streams
from scans.chest import Cage
from scans.patient import Patient, Positioning
from scans.rays import Rays
from scans.shapes import Array, clouds, ramp


def body_thickness(rays: Rays, patient: Patient, positioning: Positioning) -> Array:
    """Soft tissue in cm (side, side) that each ray would cross if there were no air inside."""
    p = patient
    x, z = rays.plane(0.0)
    aside = np.abs(x)
    outline = Cage(p).outline(z)
    half = np.maximum(outline.outer, p.half_width * (0.8 + 0.2 * ramp(-z, -8, 2))) + p.wall * (
        1 + 0.25 * ramp(-z, 4, 14)
    )
    half = half + 2.4 * ramp(z, -3, 7)  # muscles in front of and behind the armpit
    deep = np.maximum(outline.depth, 0.55 * p.half_depth) + 0.9 * p.wall
    trunk = 2 * deep * np.clip(1 - (aside / half) ** 2.8, 0, 1) ** 0.455
    trunk = trunk * (1 - ramp(z, p.apex - 3.0, p.apex + 3.5))
    lift = np.where(x > 0, positioning.shoulders[1], positioning.shoulders[0])
    top = p.apex + 0.8 - 0.12 * aside - 0.013 * np.clip(aside - 6, 0, None) ** 2 + 0.4 * lift
    round_ = 5.2 + 0.4 * p.wall
    shoulder = 2.2 * np.sqrt(np.clip(round_**2 - np.clip(z - top + 1.5, 0, None) ** 2, 0, None))
    shoulder = shoulder * (1 - 0.93 * ramp(top - z, 2, 11))
    neck = (
        1.9 * np.sqrt(np.clip((5.5 + 0.35 * p.wall) ** 2 - x**2, 0, None)) * ramp(z, p.apex - 4, p.apex + 1)
    )
    total = (trunk**3 + shoulder**3 + neck**3) ** (1 / 3)
    total = total + _breasts(patient, x, z) + _pectorals(patient, x, z)
    texture = clouds(Streams(p.seed)("texture"), rays.side, 1.7, 2)
    return (total * (1 + 0.012 * texture)).astype(np.float32)


def _breasts(patient: Patient, x: Array, z: Array) -> Array:
    """Tear-shaped, with a soft upper slope and a crease below."""
    if not patient.breast:
        return np.zeros(np.broadcast(x, z).shape, np.float32)
    rng, size = Streams(patient.seed)("breasts"), patient.breast**0.5
    sag = 0.04 * max(patient.age - 35, 0) * size
    total = np.float32(0)
    for side in (-1, 1):
        middle = (7.4 + 0.5 * rng.standard_normal()) * patient.scale
        low = -6.4 - 2.0 * size - sag + 0.5 * rng.standard_normal()
        across = (x * side - middle - 0.12 * (z - low)) / (5.6 * size + 0.5)
        above = np.clip((z - low) / (6.5 * size + 0.5 * sag + 2), 0, None)
        below = np.clip((low - z) / (1.9 * size), 0, None)
        slope = np.where(z > low, (1 - np.clip(above, 0, 1)) ** 1.3, np.sqrt(np.clip(1 - below**2, 0, 1)))
        total = total + 3.1 * size * slope * np.clip(1 - across**2, 0, 1) ** 0.8
    return np.asarray(total, np.float32)


def _pectorals(patient: Patient, x: Array, z: Array) -> Array:
    strength = 0.6 if patient.female else 1.2
    radius = np.hypot((np.abs(x) - 8.5) / 6.5, (z - 3.8) / 5.5)
    return strength * np.clip(1 - radius**2, 0, 1) ** 0.7


def bowel_gas(rays: Rays, patient: Patient, floor: float) -> Array:
    """Gas in cm (side, side) in stomach and bowel: a bubble over a level, and some loops."""
    rng = Streams(patient.seed)("gas")
    x, z = rays.plane(0.0)
    size = rng.uniform(0, 1)
    middle, top = 5.8 + 1.2 * rng.uniform(-1, 1), floor - 2.0 - 0.8 * patient.dome
    radius = np.hypot((x - middle) / (2.0 + 1.6 * size), (z - top + 0.4) / (0.9 + 1.0 * size))
    gas = 2.6 * (0.4 + size) * np.sqrt(np.clip(1 - radius**2, 0, 1)) * ramp(z, top - 1.1, top - 0.8)
    for _ in range(rng.integers(2, 6)):
        at = rng.uniform(-9, 12), rng.uniform(-22, top - 3.0)
        loop = rng.uniform(0.6, 1.7)
        radius = np.hypot((x - at[0]) / (loop * 1.5), (z - at[1]) / loop)
        gas = np.maximum(gas, 1.1 * loop * np.sqrt(np.clip(1 - radius**2, 0, 1)))
    folds = np.clip(1 + 0.35 * clouds(rng, rays.side, 1.6, 3), 0, 2)
    return (gas * folds).astype(np.float32)
