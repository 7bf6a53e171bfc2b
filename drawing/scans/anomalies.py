"""Five anomalies: what each does to a chest, from just there (strength 0) to plain (1)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter

from scans.phantom import Change, Phantom
from scans.shapes import Array, clouds, ramp

Anomaly = Callable[[float], Change]
"""From a strength in 0..1 to what it does."""


def nodule(phantom: Phantom, rng: np.random.Generator) -> Anomaly:
    """One to three round spots inside the lung."""
    rays = phantom.rays
    shape = np.zeros((rays.side, rays.side), np.float32)
    for _ in range(1 + (rng.random() < 0.25) + (rng.random() < 0.1)):
        x, y, z = _place_in_lung(phantom, rng)
        radius = rng.uniform(1.0, 2.1)
        enlarged = float(rays.magnification(y))
        at_x, at_z = rays.plane(y)
        across, up = at_x - x, at_z - z
        angle = np.arctan2(up, across)
        lobes = 1 + sum(
            a * np.sin(k * angle + rng.uniform(0, 6)) for k, a in ((2, 0.12), (3, 0.08), (5, 0.05))
        )
        distance = np.hypot(across, up) / (radius * lobes)
        ball = 2 * radius * np.sqrt(np.clip(1 - distance**2, 0, 1))
        shape = np.maximum(shape, gaussian_filter(ball, 0.2 * enlarged / rays.pixel * rng.uniform(0.4, 1.3)))
    return lambda strength: Change(added=shape * (0.05 + 3.0 * strength))


def _place_in_lung(phantom: Phantom, rng: np.random.Generator) -> tuple[float, float, float]:
    """A point of the patient that lies in air, and whose ray crosses a good deal of it."""
    cage, rays = phantom.chest.cage, phantom.rays
    for _ in range(60):
        z = rng.uniform(phantom.chest.floor, phantom.patient.apex - 1.5)
        o, side = cage.outline(z), rng.choice([-1, 1])
        x = side * rng.uniform(float(o.inner) + 1.0, float(o.outer) - 0.8)
        y = float(o.middle + rng.uniform(-0.8, 0.8) * o.depth)
        columns, rows = rays.plane(y)
        row, column = np.argmin(np.abs(rows[:, 0] - z)), np.argmin(np.abs(columns[0] - x))
        if phantom.air[row, column] > 3.5:
            break
    return float(x), y, float(z)


def consolidation(phantom: Phantom, rng: np.random.Generator) -> Anomaly:
    """A part of the lung filled with fluid or cells: a cloudy patch with soft, ragged edges."""
    rays, patient, chest = phantom.rays, phantom.patient, phantom.chest
    side, size = rng.choice([-1, 1]), rng.uniform(2.2, 4.6)
    z = rng.uniform(chest.floor + 0.5, patient.apex - 5)
    o = chest.cage.outline(z)
    x, y = side * rng.uniform(0.3, 0.75) * float(o.outer), float(rng.uniform(-0.5, 0.6) * o.depth)
    filled = np.float32(0)
    for _ in range(rng.integers(3, 7)):
        dx, dy, dz = rng.standard_normal(3) * size * np.array([0.42, 0.5, 0.42])
        radius = size * rng.uniform(0.45, 0.85)
        distance = ((rays.x - x - dx) ** 2 + (rays.y - y - dy) ** 2 + (rays.z - z - dz) ** 2) / radius**2
        filled = np.maximum(filled, np.exp(-0.65 * distance))
    ragged = np.clip(1 + 0.4 * clouds(rng, rays.side, 2.1, 3), 0.3, 2)
    cloudy = np.clip(0.85 + 0.16 * clouds(rng, rays.side, 1.7, 5), 0.4, 1.3)
    shape = rays.along(ramp(filled * ragged, 0.12, 0.85) * chest.lungs) * cloudy
    return lambda strength: Change(added=shape * (0.03 + 1.1 * strength))


def effusion(phantom: Phantom, rng: np.random.Generator) -> Anomaly:
    """Fluid in the lowest part of the pleural space, higher along the wall."""
    rays, chest = phantom.rays, phantom.chest
    side = int(rng.choice([-1, 1]))
    radius, across = chest.cage.radius(side, rays.x, rays.y, rays.z)
    wall = np.exp(-np.clip(1 - across, 0, None) / 0.3)
    lining = 0.5 * np.exp(-np.clip(1 - radius, 0, None) / 0.15)
    mine = rays.x * side > 0
    uneven = 0.3 * rng.standard_normal()

    def change(strength: float) -> Change:
        level = chest.floor - 4.2 + 7.5 * strength + uneven * strength
        surface = level + (1.0 + 3.4 * strength) * wall + lining * strength
        fluid = np.clip((surface - rays.z) / 0.7 + 0.5, 0, 1) * mine
        return Change(air=rays.along(chest.lungs * (1 - fluid)))

    return change


def pneumothorax(phantom: Phantom, rng: np.random.Generator) -> Anomaly:
    """Free air around a lung that has shrunk towards its root: a fine line with no vessels beyond it."""
    rays, chest, patient = phantom.rays, phantom.chest, phantom.patient
    side = int(rng.choice([-1, 1]))
    root_z, root_x = patient.apex - 10 * patient.scale, 3.2
    mine = rays.x * side > 0
    waves = 0.05 * np.sin(rays.z * 0.8 + rays.y * 0.3 + rng.uniform(0, 6))

    def change(strength: float) -> Change:
        lost = 0.015 + 0.38 * strength
        down, out = 1 - 0.62 * lost, 1 - 0.7 * lost
        z = root_z + (rays.z - root_z) / np.where(rays.z > root_z, down, 1.0)
        x = rays.x * side - root_x
        x = side * (root_x + np.where(x > 0, x / out, x))
        radius, _ = chest.cage.radius(side, x, rays.y, z)
        kept = np.clip((1 - radius + waves) / 0.07 + 0.5, 0, 1)
        gone = chest.lungs * (1 - kept) * mine
        left = chest.lungs - gone
        pleura = rays.along(left * np.exp(-(((1 - radius + waves) / 0.055) ** 2)) * mine)
        free = gaussian_filter(rays.along(gone), 0.5)

        def moved(points: Array) -> Array:
            points = points.copy()
            own = points[:, 0] * side > 0
            aside, high = np.abs(points[own, 0]) - root_x, points[own, 2] - root_z
            points[own, 0] = side * (root_x + np.where(aside > 0, aside * out, aside))
            points[own, 2] = root_z + np.where(high > 0, high * down, high)
            return points

        return Change(air=rays.along(left), free=free, added=0.55 * pleura, moved=moved)

    return change


SMALLEST, LARGEST = 0.485, 0.615
"""Width of an enlarged heart relative to that of the chest."""


def cardiomegaly(phantom: Phantom, rng: np.random.Generator) -> Anomaly:
    """A heart too wide for its chest."""
    own = phantom.patient.heart

    def change(strength: float) -> Change:
        return Change(heart_size=(SMALLEST + (LARGEST - SMALLEST) * strength) / own)

    return change


def heart_strength(width: float) -> float:
    """The strength at which :func:`cardiomegaly` makes a heart so wide, relative to the chest."""
    return (width - SMALLEST) / (LARGEST - SMALLEST)


ANOMALIES: dict[str, Callable[[Phantom, np.random.Generator], Anomaly]] = {
    "nodule": nodule,
    "effusion": effusion,
    "pneumothorax": pneumothorax,
    "consolidation": consolidation,
    "cardiomegaly": cardiomegaly,
}
