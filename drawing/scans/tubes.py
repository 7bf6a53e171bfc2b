"""Curved tubes as clouds of small volumes."""

from __future__ import annotations

import numpy as np

from scans.shapes import Array

Cloud = tuple[Array, Array]
"""Points (N, 3) and the volume of each (N,), in cubic cm."""


def _frame(path: Array) -> tuple[Array, Array, Array]:
    """Length of each step along a path (M, 3), and two directions across it, the second near to upright."""
    steps = np.gradient(path, axis=0)
    lengths = np.linalg.norm(steps, axis=1)
    along = steps / lengths[:, None]
    level = np.cross(along, np.array([1e-3, 1e-3, 1.0]))
    level /= np.linalg.norm(level, axis=1)[:, None]
    return lengths, level, np.cross(level, along)


def shell(path: Array, across: Array | float, upright: Array | float, wall: float, around: int = 20) -> Cloud:
    """The wall of a tube with an elliptical cross-section.

    Args:
        path: (M, 3), its middle line.
        across: Half of its thickness, of each point or of all.
        upright: Half of its height.
        wall: Thickness of the wall.
        around: Points on each cross-section.
    """
    lengths, level, up = _frame(path)
    angle = (np.arange(around) + 0.5 * (np.arange(len(path)) % 2)[:, None]) * 2 * np.pi / around
    a, b = (np.broadcast_to(np.asarray(r, float), len(path))[:, None] for r in (across, upright))
    points = (
        path[:, None]
        + (a * np.cos(angle))[..., None] * level[:, None]
        + (b * np.sin(angle))[..., None] * up[:, None]
    )
    arc = 2 * np.pi / around * np.hypot(a * np.sin(angle), b * np.cos(angle))
    return points.reshape(-1, 3), (lengths[:, None] * wall * arc).ravel()


def filling(
    path: Array, across: Array | float, upright: Array | float, rng: np.random.Generator, around: int = 8
) -> Cloud:
    """The inside of the same tube."""
    lengths, level, up = _frame(path)
    angle = (np.arange(around) + rng.random((len(path), 1))) * 2 * np.pi / around
    out = np.sqrt(rng.random(angle.shape))
    a, b = (np.broadcast_to(np.asarray(r, float), len(path))[:, None] for r in (across, upright))
    points = (
        path[:, None]
        + (a * out * np.cos(angle))[..., None] * level[:, None]
        + (b * out * np.sin(angle))[..., None] * up[:, None]
    )
    volume = np.broadcast_to(lengths[:, None] * np.pi * a * b / around, angle.shape)
    return points.reshape(-1, 3), volume.ravel()


def together(clouds: list[Cloud]) -> Cloud:
    """Several clouds as one."""
    return np.concatenate([points for points, _ in clouds]), np.concatenate(
        [volumes for _, volumes in clouds]
    )


def weighed(cloud: Cloud, factor: Array | float) -> Cloud:
    """The same points with other weights."""
    return cloud[0], cloud[1] * factor


def mirrored(cloud: Cloud, side: int) -> Cloud:
    """On the patient's right (-1) or left (1)."""
    return cloud[0] * np.array([side, 1, 1]), cloud[1]
