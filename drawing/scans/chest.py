"""The chest as occupancies along the rays: where there is lung, heart, mediastinum, diaphragm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scans.patient import Patient, Positioning
from scans.rays import Rays
from scans.shapes import Array, bump, inside, ramp, unite

SIDES = (-1, 1)
"""The patient's right and left."""


@dataclass(frozen=True, eq=False)
class Outline:
    """Cross-sections of one side of the rib cage at some heights: ``outer`` and ``inner`` edge from the midline,
    half of the depth, and the depth of its middle."""

    outer: Array
    inner: Array
    depth: Array
    middle: Array


class Cage:
    """The inside of a rib cage."""

    def __init__(self, patient: Patient) -> None:
        self.patient = patient

    def outline(self, z: Array | float) -> Outline:
        """The cross-section at heights ``z``: a point at the apex, widest near the bottom."""
        p = self.patient
        down = np.clip((p.apex - np.asarray(z, np.float32)) / p.height, 1e-4, 1.25)
        tip = 4.1 * p.scale
        opening = np.clip(down / 0.075, 0, 1) ** 0.5
        flare = np.clip(1 - (1 - np.minimum(down / 0.82, 1)) ** 2.7, 0, 1) ** 0.75
        outer = tip + (p.half_width - tip - 1.6) * flare + 1.6 * opening
        inner = tip - (tip - 0.3) * np.clip(down / 0.12, 0, 1) ** 0.55
        fullness = np.clip(1 - (1 - np.minimum(down / 0.6, 1)) ** 2, 0, 1) ** 0.7
        depth = p.half_depth * (0.3 * np.clip(down / 0.06, 0, 1) ** 0.5 + 0.7 * fullness)
        middle = 2.6 * (1 - np.minimum(down / 0.55, 1)) ** 1.5
        return Outline(*(np.asarray(part, np.float32) for part in (outer, inner, depth, middle)))

    def bend(self, z: Array | float) -> Array:
        """How far the spine stands beside the midline at heights ``z``."""
        return np.asarray(self.patient.bend * np.sin((np.asarray(z, np.float32) + 4) / 6.5), np.float32)

    def radius(self, side: int, x: Array, y: Array, z: Array) -> tuple[Array, Array]:
        """Where points lie in the cross-section of a side.

        Returns:
            A radius, 1 on the edge of the lung, and the position from the inner (-1) to the outer edge (1).
        """
        o = self.outline(z)
        across = (x * side - 0.5 * (o.outer + o.inner)) / (0.5 * (o.outer - o.inner))
        into = np.abs(y - o.middle) / o.depth
        outwards = np.abs(across)
        return np.where(across > 0, outwards**2.7, outwards**4) + into**2.4, across


class Chest:
    """The inside of one chest in one breath, as the rays of one exposure see it.

    Attributes:
        rays: The rays.
        cage: The rib cage around it.
        floor: Height of the right diaphragm's dome.
        lungs: Occupancy (planes, side, side) of air-filled lung.
    """

    def __init__(
        self, rays: Rays, patient: Patient, positioning: Positioning, *, heart_size: float = 1.0
    ) -> None:
        self.rays, self.patient, self.cage = rays, patient, Cage(patient)
        self.floor = patient.apex - 0.80 * patient.height - positioning.breath
        solid = unite(self._heart(heart_size), self._mediastinum(), self._behind(), self._breastbone())
        right, left = (self._half(side) for side in SIDES)
        self.lungs = np.minimum(right + left, 1) * (1 - solid)

    def _half(self, side: int) -> Array:
        """One side of the chest above its diaphragm, before heart and mediastinum are taken out."""
        rays = self.rays
        radius, _ = self.cage.radius(side, rays.x, rays.y, rays.z)
        return inside(radius - 1, 0.10) * inside(self._dome(side) - rays.z, 0.3)

    def _dome(self, side: int) -> Array:
        """Height of the diaphragm: highest in front of the middle of each side, falling to the edges."""
        p, rays = self.patient, self.rays
        top = self.floor + 1.0 - (p.dome if side > 0 else 0.0)
        across = (rays.x * side - 5.6 * p.scale) / (p.half_width - 5.6)
        back = (rays.y + 2.0) / p.half_depth
        fall = np.where(across > 0, 3.3 * np.abs(across) ** 2.1, 1.3 * across**2)
        fall = fall + np.where(back > 0, 4.6 * back**2, 2.6 * back**2)
        ripple = 0.22 * np.sin(rays.x * 0.9 + p.seed % 7) * np.cos(rays.y * 0.5)
        return top - fall + ripple

    def _heart(self, size: float) -> Array:
        """Left ventricle, right atrium and outflow: two thirds of the width lie on the left."""
        p, rays = self.patient, self.rays
        width = 2.1 * p.half_width * p.heart * size
        right, left, k = 0.35 * width, 0.65 * width, (width / 12) ** 0.8
        lean = 0.1 * ((p.seed % 11) / 5 - 1)

        def ellipsoid(
            centre: tuple[float, float, float], radii: tuple[float, float, float], turn: float
        ) -> Array:
            dx, dz = rays.x - centre[0], rays.z - centre[2]
            along, across = dx * np.cos(turn) + dz * np.sin(turn), dz * np.cos(turn) - dx * np.sin(turn)
            return (along / radii[0]) ** 2 + ((rays.y - centre[1]) / radii[1]) ** 2 + (across / radii[2]) ** 2

        base = self.floor
        ventricle = ellipsoid(
            (left - 5.3 * k, -2.0, base + 2.3 * k), (5.7 * k, 5.3 * k, 4.1 * k), -0.55 + lean
        )
        atrium = ellipsoid((3.2 * k - right, -1.4, base + 3.2 * k), (3.4 * k, 4.6 * k, 4.6 * k), 0.1)
        outflow = ellipsoid((0.9, -1.2, base + 5.4 * k), (3.2 * k, 4.6 * k, 4.6 * k), 0.25)
        merged = sum(np.exp(-6 * np.minimum(part, 4)) for part in (ventricle, atrium, outflow))
        return inside(-np.log(merged) / 6 - 1, 0.14)

    def _mediastinum(self) -> Array:
        """Great vessels, windpipe and fat between the lungs: the aortic arch stands out on the left."""
        p, rays = self.patient, self.rays
        z, k = rays.z, p.knob
        arch = p.apex - 6.6 * p.scale
        up, low = ramp(z, arch + 1, arch + 6), ramp(z, arch - 2.4, arch - 8)
        left = 1.35 + 0.3 * k + (0.9 + 0.75 * k) * bump(z, arch, 1.15) + 0.95 * bump(z, arch - 3.2, 1.2)
        left = left + 0.7 * up + 0.4 * low
        right = (
            1.55 + 0.5 * bump(z, arch - 2.8, 1.3) + 0.25 * k * bump(z, arch - 1.1, 2.2) + 0.6 * up + 0.2 * low
        )
        wave = 0.12 * np.sin(z * 1.3 + p.seed % 5)
        x = rays.x - self.cage.bend(z)
        beside = np.where(x > 0, x / (left + wave), -x / (right + wave))
        return inside(beside**2.4 + (np.abs(rays.y + 0.4) / (5.2 - 1.2 * up)) ** 2 - 1, 0.4)

    def _behind(self) -> Array:
        """The muscles along the spine."""
        p, rays = self.patient, self.rays
        x = (rays.x - self.cage.bend(rays.z)) / 2.3
        y = (rays.y - 0.80 * p.half_depth) / 3.4
        return inside(x**2 + y**2 - 1, 0.8)

    def _breastbone(self) -> Array:
        p, rays = self.patient, self.rays
        x, y = rays.x / 2.0, (rays.y + p.half_depth) / 2.4
        return inside(x**2 + y**2 - 1, 0.6)
