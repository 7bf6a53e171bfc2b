"""Where the rays of a scanner run through a patient."""

from __future__ import annotations

import numpy as np

from scans.patient import Patient, Positioning
from scans.scanner import Scanner
from scans.shapes import Array

PLANES = 36
"""Sampling planes from the chest to the back."""


class Rays:
    """Sampling points along the rays of one exposure, and the projection of points onto the detector.

    Attributes:
        side: Pixels of the detector.
        pixel: Size of a pixel, in cm.
        step: Distance between sampling planes, in cm.
        x: (PLANES, 1, side), in the patient's frame; likewise y (PLANES, 1, side) and z (PLANES, side, 1).
        u: Of each column of pixels in the detector's plane; v of each row, upwards.
    """

    def __init__(self, scanner: Scanner, patient: Patient, positioning: Positioning, side: int) -> None:
        self.side, self.pixel = side, scanner.field / side
        self._distance, self._field = scanner.distance, scanner.field
        self._cos, self._sin = np.cos(positioning.turn), np.sin(positioning.turn)
        body = patient.half_depth + patient.wall + 1.5
        self._detector = -body if scanner.upright else body
        self.u = (((np.arange(side) + 0.5) / side - 0.5) * scanner.field).astype(np.float32)
        self.v = -self.u
        planes = np.linspace(-1.3, 1.3, PLANES, dtype=np.float32) * patient.half_depth
        self.step = float(planes[1] - planes[0])
        enlarged = self.magnification(planes)[:, None, None]
        seen = self.u[None, None] / enlarged
        depth = planes[:, None, None]
        self.x = (seen * self._cos + depth * self._sin).astype(np.float32)
        self.y = (-seen * self._sin + depth * self._cos).astype(np.float32)
        self.z = (self.v[None, :, None] / enlarged).astype(np.float32)

    def magnification(self, y: Array | float) -> Array:
        """How much larger than life what lies at depth ``y`` appears on the detector."""
        return np.asarray(self._distance / (self._distance - np.abs(y - self._detector)), np.float32)

    def plane(self, y: float) -> tuple[Array, Array]:
        """The patient's x (1, side) and z (side, 1) that the pixels show at depth ``y``."""
        enlarged = float(self.magnification(y))
        return self.u[None] / enlarged + y * self._sin, self.v[:, None] / enlarged

    def along(self, values: Array) -> Array:
        """Path length in cm (side, side) of an occupancy (PLANES, side, side)."""
        return values.sum(0, dtype=np.float32) * self.step

    def project(self, points: Array, volumes: Array) -> Array:
        """Path length in cm (side, side) of small volumes at points of the patient.

        Args:
            points: (N, 3).
            volumes: (N,), in cubic cm.
        """
        x, y, z = points.T
        across, depth = x * self._cos - y * self._sin, x * self._sin + y * self._cos
        enlarged = self.magnification(depth)
        column = (across * enlarged / self._field + 0.5) * self.side - 0.5
        row = (0.5 - z * enlarged / self._field) * self.side - 0.5
        i, j = np.floor(row).astype(np.int64), np.floor(column).astype(np.int64)
        kept = (i >= 0) & (i < self.side - 1) & (j >= 0) & (j < self.side - 1)
        i, j, down, right = i[kept], j[kept], (row - i)[kept], (column - j)[kept]
        weight = volumes[kept] * enlarged[kept] ** 2 / self.pixel**2
        cell, length = i * self.side + j, self.side**2
        total = np.bincount(cell, weight * (1 - down) * (1 - right), length)
        total += np.bincount(cell + 1, weight * (1 - down) * right, length)
        total += np.bincount(cell + self.side, weight * down * (1 - right), length)
        total += np.bincount(cell + self.side + 1, weight * down * right, length)
        return total.reshape(self.side, self.side).astype(np.float32)
