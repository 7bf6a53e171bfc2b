"""Blood vessels of the lungs and the windpipe with its branches."""

from __future__ import annotations

import numpy as np

from drawn_set.streams import Streams
from scans.chest import SIDES, Cage
from scans.patient import Patient
from scans.rays import Rays
from scans.shapes import Array
from scans.tubes import Cloud, filling, together, weighed

TARGETS = 210
"""Twigs of each of the four trees."""
_MURRAY = 2.6
"""Exponent of how the calibre of a vessel follows from those of its branches (Murray 1926: 3 for a perfect one)."""


def vessels(patient: Patient, floor: float) -> Cloud:
    """Arteries and veins of both lungs, down to twigs of half a millimetre, and the hila they come from."""
    rng, cage = Streams(patient.seed)("vessels"), Cage(patient)
    hilum = patient.apex - 9.6 * patient.scale
    parts = []
    for side in SIDES:
        root = np.array(
            [side * (2.7 if side < 0 else 3.2) * patient.scale, 0.3, hilum + (0.9 if side > 0 else 0)]
        )
        for tree in range(2):
            start = root + np.array([0.2 * side, 1.5 * tree - 0.6, -1.5 * tree + 0.2])
            targets = _targets(patient, cage, side, floor, rng)
            parts.append(_tree(start, targets, patient.vessels, hilum, rng))
    parts += _hila(patient, hilum, rng)
    return together(parts)


def _targets(patient: Patient, cage: Cage, side: int, floor: float, rng: np.random.Generator) -> Array:
    """Points all over one lung above its diaphragm."""
    number = 3 * TARGETS
    z = rng.uniform(floor - 3.2, patient.apex - 1.0, number)
    o = cage.outline(z)
    angle, out = rng.uniform(0, 2 * np.pi, number), 0.97 * np.sqrt(rng.random(number))
    x = 0.5 * (o.outer + o.inner) + 0.5 * (o.outer - o.inner) * out * np.cos(angle)
    y = o.middle + 0.95 * o.depth * out * np.sin(angle)
    dome = (
        floor
        + 0.6
        - 4.6 * np.clip((y + 2) / patient.half_depth, 0, 1) ** 2
        - 2.2 * np.clip((x - 6) / 7, 0, 1) ** 2
    )
    return np.stack([side * x, y, z], 1)[z > dome][:TARGETS]


def _tree(root: Array, targets: Array, calibre: float, hilum: float, rng: np.random.Generator) -> Cloud:
    """Join each target, nearest first, to where the tree built so far is near and the way to the root short."""
    targets = targets[np.argsort(np.linalg.norm(targets - root, axis=1))]
    nodes, parents = np.vstack([root, targets]), np.zeros(len(targets) + 1, int)
    way = np.zeros(len(nodes))
    for i in range(1, len(nodes)):
        apart = np.linalg.norm(nodes[:i] - nodes[i], axis=1)
        parents[i] = int(np.argmin(apart + 0.55 * way[:i]))
        way[i] = way[parents[i]] + apart[parents[i]]
    flow = np.full(len(nodes), 0.060**_MURRAY)
    for i in range(len(nodes) - 1, 0, -1):
        flow[parents[i]] += flow[i]
    radius = flow ** (1 / _MURRAY) * calibre * 1.15
    radius *= 1 + 0.16 * np.clip((hilum - nodes[:, 2]) / 8, -1, 1)  # gravity fills the lower ones

    begin, end = nodes[parents[1:]], nodes[1:]
    before = nodes[parents[parents[1:]]]
    length = np.linalg.norm(end - begin, axis=1)[:, None]
    ahead = begin - before
    norm = np.linalg.norm(ahead, axis=1)[:, None]
    ahead = np.where(norm > 1e-6, ahead / np.maximum(norm, 1e-6), (end - begin) / length) * length * 0.9
    m, k = 26, 5
    t = np.linspace(0, 1, m)[None, :, None]
    curve = (
        (2 * t**3 - 3 * t**2 + 1) * begin[:, None]
        + (t**3 - 2 * t**2 + t) * ahead[:, None]
        + (3 * t**2 - 2 * t**3) * end[:, None]
        + (t**3 - t**2) * 0.9 * (end - begin)[:, None]
    )
    r = radius[1:, None]
    offset = rng.standard_normal((len(length), m, k, 3)) * (0.5 * r)[..., None, None]
    volume = np.broadcast_to((np.pi * r**2 * length / m / k)[..., None], (len(length), m, k))
    return (curve[:, :, None] + offset).reshape(-1, 3), volume.ravel()


def _hila(patient: Patient, hilum: float, rng: np.random.Generator) -> list[Cloud]:
    """The great branches next to the heart: the left one arches higher than the right."""
    bends = (
        ((-1.7, -0.8, 0.3), (-4.3, -0.4, -0.2), (-5.0, 0.6, -6.4), 0.88, 0.40),
        ((-2.1, -1.0, 1.0), (-3.6, -0.6, 2.2), (-5.4, -0.2, 5.0), 0.60, 0.25),
        ((-2.4, 0.6, -0.5), (-4.0, 1.2, -1.5), (-6.2, 1.8, -2.6), 0.55, 0.25),
        ((1.8, -0.8, 1.6), (4.5, 0.6, 2.6), (5.1, 2.0, -4.8), 0.92, 0.42),
        ((2.2, -1.0, 1.6), (3.6, -0.6, 3.2), (5.2, -0.2, 6.0), 0.56, 0.22),
        ((2.4, 0.6, 0.6), (4.2, 1.2, 0.2), (6.4, 1.8, -1.4), 0.52, 0.24),
        ((-1.5, 1.0, -4.0), (-4.5, 1.4, -3.6), (-8.0, 2.0, -4.6), 0.50, 0.22),
        ((1.5, 1.0, -3.6), (4.5, 1.4, -3.2), (8.0, 2.0, -4.4), 0.50, 0.22),
    )
    t = np.linspace(0, 1, 160)[:, None]
    parts = []
    for *points, first, last in bends:
        a, b, c = (
            np.array(p) * [patient.scale, 1, 1] + [0, 0, hilum] + 0.3 * rng.standard_normal(3) for p in points
        )
        path = (1 - t) ** 2 * a + 2 * t * (1 - t) * b + t**2 * c
        radius = (first + (last - first) * t[:, 0]) * patient.vessels * 0.95
        parts.append(weighed(filling(path, radius, radius, rng, 24), 1.1))
    return parts


def airways(rays: Rays, patient: Patient) -> Array:
    """Air in cm (side, side) in windpipe and main branches, along rays through their middle plane."""
    cage, scale = Cage(patient), patient.scale
    x, z = rays.plane(1.2)
    fork = patient.apex - 7.8 * scale
    middle = 0.5 * float(cage.bend(fork)) + 0.25
    lean = 0.22 * np.clip(patient.knob, 0, 1.2)  # the arch of the aorta pushes it to the right
    segments = (
        ((middle + 0.1, patient.apex + 9), (middle - lean, fork), 0.85, 0.80),
        ((middle - lean, fork), (-3.1 * scale, fork - 3.3), 0.68, 0.55),
        ((middle - lean, fork), (4.2 * scale, fork - 3.5), 0.62, 0.48),
        ((-3.1 * scale, fork - 3.3), (-4.1 * scale, fork - 7.0), 0.50, 0.28),
        ((4.2 * scale, fork - 3.5), (5.1 * scale, fork - 6.9), 0.44, 0.26),
    )
    most = np.zeros((rays.side, rays.side), np.float32)
    for (ax, az), (bx, bz), first, last in segments:
        dx, dz = bx - ax, bz - az
        t = np.clip(((x - ax) * dx + (z - az) * dz) / (dx**2 + dz**2), 0, 1)
        apart = np.hypot(x - ax - t * dx, z - az - t * dz)
        radius = (first + (last - first) * t) * scale
        most = np.maximum(most, 2 * np.sqrt(np.clip(radius**2 - apart**2, 0, None)))
    return most
