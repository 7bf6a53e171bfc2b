"""Harmless things that look like anomalies; healthy people have them, and sick ones too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drawn_set.streams import Streams
from scans.chest import Chest
from scans.patient import Patient
from scans.rays import Rays
from scans.shapes import Array, ramp

CHANCES = {
    "nipples": 0.25,
    "granuloma": 0.18,
    "healed rib": 0.10,
    "skin fold": 0.08,
    "fat pad": 0.22,
    "scar": 0.14,
    "apical cap": 0.14,
}
"""How many of all people have each."""


@dataclass(frozen=True, eq=False)
class Mimics:
    """Path lengths (side, side) in cm of what a person has, and its names."""

    soft: Array
    hard: Array
    names: tuple[str, ...]


def mimics(rays: Rays, patient: Patient, chest: Chest) -> Mimics:
    """What this person has of :data:`CHANCES`."""
    streams = Streams(patient.seed)
    names = tuple(name for name in CHANCES if streams(f"has {name}").random() < CHANCES[name])
    soft = np.zeros((rays.side, rays.side), np.float32)
    hard = np.zeros_like(soft)
    for name in names:
        rng = streams(name)
        if name in ("granuloma", "healed rib"):
            hard = hard + _DRAWN[name](rays, patient, chest, rng)
        else:
            soft = soft + _DRAWN[name](rays, patient, chest, rng)
    return Mimics(soft.astype(np.float32), hard.astype(np.float32), names)


def _nipples(rays: Rays, patient: Patient, chest: Chest, rng: np.random.Generator) -> Array:
    """Two small discs in front, seldom quite alike."""
    x, z = rays.plane(-patient.half_depth - patient.wall)
    total = np.float32(0)
    for side in (-1, 1):
        at = (
            side * (8.6 + 0.7 * rng.standard_normal()),
            -6.0 - 1.2 * patient.breast + 0.6 * rng.standard_normal(),
        )
        radius = np.hypot(x - at[0], z - at[1]) / rng.uniform(0.35, 0.55)
        total = total + rng.uniform(0.3, 0.9) * np.clip(1 - radius**4, 0, 1)
    return total


def _granuloma(rays: Rays, patient: Patient, chest: Chest, rng: np.random.Generator) -> Array:
    """One or two small calcified scars inside the lung: bright for their size, with a sharp edge."""
    x, z = rays.plane(0.0)
    total = np.float32(0)
    for _ in range(rng.integers(1, 3)):
        side, up = rng.choice([-1, 1]), rng.uniform(chest.floor + 2, patient.apex - 3)
        out = rng.uniform(0.3, 0.85) * float(chest.cage.outline(up).outer)
        radius = np.hypot(x - side * out, z - up) / rng.uniform(0.18, 0.34)
        total = total + rng.uniform(0.25, 0.5) * np.sqrt(np.clip(1 - radius**2, 0, 1))
    return total


def _healed_rib(rays: Rays, patient: Patient, chest: Chest, rng: np.random.Generator) -> Array:
    """A thickening on the outer wall where a rib once broke."""
    x, z = rays.plane(0.0)
    side, up = rng.choice([-1, 1]), rng.uniform(-7, 5)
    out = float(chest.cage.outline(up).outer) - rng.uniform(0.2, 1.6)
    radius = np.hypot((x - side * out) / rng.uniform(0.5, 0.8), (z - up) / rng.uniform(0.5, 0.75))
    return rng.uniform(0.15, 0.3) * np.exp(-(radius**2))


def _skin_fold(rays: Rays, patient: Patient, chest: Chest, rng: np.random.Generator) -> Array:
    """A fold of the back pressed against the detector: a step along a slanting line, fading towards the middle."""
    x, z = rays.plane(patient.half_depth + patient.wall)
    side, slant = rng.choice([-1, 1]), rng.uniform(-0.25, 0.25)
    line = rng.uniform(6.5, 10) + slant * z + 0.02 * z**2
    inwards = line - x * side
    return (
        rng.uniform(0.5, 0.9)
        * ramp(inwards, -0.08, 0.08)
        * np.exp(-np.clip(inwards, 0, None) / 2.2)
        * ramp(np.abs(z + 2), 11, 7)
    )


def _fat_pad(rays: Rays, patient: Patient, chest: Chest, rng: np.random.Generator) -> Array:
    """Fat in the angle between heart and diaphragm."""
    x, z = rays.plane(-4.0)
    side = rng.choice([-1, 1], p=[0.6, 0.4])
    at = side * (patient.half_width * patient.heart * (0.8 if side < 0 else 1.25)), chest.floor + 0.6
    radius = np.hypot((x - at[0]) / rng.uniform(1.8, 3.0), (z - at[1]) / rng.uniform(1.2, 2.2))
    return rng.uniform(1.0, 2.4) * np.clip(1 - radius**2, 0, 1)


def _scar(rays: Rays, patient: Patient, chest: Chest, rng: np.random.Generator) -> Array:
    """A thin band in the lower lung."""
    x, z = rays.plane(0.0)
    side = rng.choice([-1, 1])
    at, turn = (side * rng.uniform(4, 8), chest.floor + rng.uniform(2.5, 6)), rng.uniform(-0.5, 0.5)
    along = (x - at[0]) * np.cos(turn) + (z - at[1]) * np.sin(turn)
    across = (z - at[1]) * np.cos(turn) - (x - at[0]) * np.sin(turn) + 0.03 * along**2
    return rng.uniform(0.5, 1.1) * np.exp(-((across / 0.16) ** 2)) * ramp(np.abs(along), 2.6, 1.6)


def _apical_cap(rays: Rays, patient: Patient, chest: Chest, rng: np.random.Generator) -> Array:
    """Thickened pleura over one or both tips of the lungs."""
    x, z = rays.plane(2.0)
    total = np.float32(0)
    for side in (-1, 1):
        radius = np.hypot(
            (x * side - 4.2 * patient.scale) / 2.6, (z - patient.apex - 0.1) / rng.uniform(0.6, 1.4)
        )
        total = total + rng.uniform(0, 1.6) * np.clip(1 - radius**2, 0, 1)
    return total


_DRAWN = {
    "nipples": _nipples,
    "granuloma": _granuloma,
    "healed rib": _healed_rib,
    "skin fold": _skin_fold,
    "fat pad": _fat_pad,
    "scar": _scar,
    "apical cap": _apical_cap,
}
