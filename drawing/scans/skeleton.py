"""Ribs, collar bones, shoulder blades, upper arms and spine: how much bone each ray crosses."""

from __future__ import annotations

import numpy as np

from drawn_set.streams import Streams
from scans.chest import SIDES, Cage
from scans.patient import Patient, Positioning
from scans.rays import Rays
from scans.shapes import Array, bump, ramp
from scans.tubes import Cloud, filling, mirrored, shell, together, weighed

RIBS = 11
_REACH = (0.70, 0.80, 0.84, 0.84, 0.84, 0.83, 0.82, 0.80, 0.76, 0.66, 0.50)
"""How far round the chest each rib goes, from the spine (0) to the breastbone (1)."""
_DROP = (0.55, 0.75, 0.88, 0.96, 1.0, 1.03, 1.06, 1.08, 1.05, 0.95, 0.85)
"""How steeply each runs down, relative to the fifth."""


def project_bones(rays: Rays, patient: Patient, positioning: Positioning) -> Array:
    """Cortical bone in cm (side, side) that each ray crosses."""
    clouds = [*_ribs(patient, positioning)]
    for side in SIDES:
        clouds += [mirrored(part, side) for part in _shoulder(patient, positioning, side)]
    return rays.project(*together(clouds)) * patient.bone_density + spine(rays, patient)


def _ribs(patient: Patient, positioning: Positioning) -> list[Cloud]:
    rng, cage, scale = Streams(patient.seed)("ribs"), Cage(patient), patient.scale
    gap = patient.height / 10.6
    slope = patient.rib_slope - 0.05 * positioning.breath
    parts = []
    for side in SIDES:
        for i in range(RIBS):
            t = np.linspace(0.03, 1, 270)
            turn = t * _REACH[i]  # 0 at the spine, 1 at the breastbone
            top = (
                patient.apex + 0.4 - gap * i * (1 + 0.004 * i) + 0.12 * rng.standard_normal() + 0.3 * (i == 0)
            )
            rise = 0.75 * np.sin(np.clip(turn * np.pi / 0.55, 0, np.pi)) * (1 - 0.05 * i)
            fall = slope * _DROP[i] * (1.6 * turn + 7.6 * ramp(turn, 0.16, 0.95))
            z = top + rise - fall + 0.1 * np.sin(3 * np.pi * turn + rng.uniform(0, 6))
            outline = cage.outline(np.minimum(z, patient.apex - 0.9))
            narrow = 0.92 if i == 0 else 1.0
            x = (outline.outer + 0.25) * narrow * np.abs(np.sin(np.pi * turn)) ** 0.86
            x = np.maximum(x, 2.0 * np.clip(1 - np.pi * turn / 0.45, 0, 1))
            y = outline.middle + (outline.depth + 0.35) * narrow * np.cos(np.pi * turn) * 1.02
            path = np.stack([side * x + cage.bend(z), y, z], 1).astype(float)
            waves = 1 + 0.07 * np.sin(5 * np.pi * turn + rng.uniform(0, 6))
            height = (0.56 + 0.12 * t) * scale * waves * (0.85 if i in (0, 10) else 1)
            thick = 0.30 * scale * (1 - 0.2 * ramp(t, 0.9, 1))
            ends = 1 - ramp(t, 0.86, 1)  # cartilage does not show
            wall, core = shell(path, thick, height, 0.085), filling(path, thick, height, rng)
            parts.append(weighed(wall, np.repeat(ends, len(wall[1]) // len(t))))
            parts.append(weighed(core, 0.17 * np.repeat(ends, len(core[1]) // len(t))))
    return parts


def _shoulder(patient: Patient, positioning: Positioning, side: int) -> list[Cloud]:
    """Collar bone, shoulder blade and upper arm of one side, drawn for the left."""
    rng, scale = Streams(patient.seed)(f"shoulder.{side}"), patient.scale
    lift = positioning.shoulders[(side + 1) // 2]
    t = np.linspace(0, 1, 200)
    parts = []

    level = patient.apex - 3.9 + 0.5 * lift
    clavicle = np.stack(
        [
            1.9 + 14.6 * scale * t,
            -0.62 * patient.half_depth + 6.5 * t**1.6 - 0.9 * np.sin(2 * np.pi * t),
            level + 3.4 * t**0.8 + 0.9 * np.sin(1.9 * np.pi * t - 0.5) + 0.5 * lift * t,
        ],
        1,
    )
    width = 0.50 * scale * (1 + 0.55 * np.exp(-((t / 0.09) ** 2)) + 0.15 * ramp(t, 0.6, 1))
    parts += [shell(clavicle, width, width, 0.10, 24), weighed(filling(clavicle, width, width, rng), 0.14)]

    out = patient.half_width + 0.2 + 2.4 * positioning.arms
    high = patient.apex - 1.9 + 0.4 * lift
    corners = np.array(
        [[out - 2.4, 6.8, high + 0.6], [out - 1.2, 7.6, high - 11.2], [out + 3.4, 4.0, high - 1.2]]
    )
    at = rng.random((9000, 2))
    at[at.sum(1) > 1] = 1 - at[at.sum(1) > 1]
    edges = corners[1:] - corners[0]
    area = 0.5 * np.linalg.norm(np.cross(*edges))
    parts.append((corners[0] + at @ edges, np.full(len(at), area * 0.09 / len(at))))
    for a, b, thick, bow in ((0, 1, 0.22, -0.5), (1, 2, 0.40, -0.5), (0, 2, 0.22, 0.4)):
        edge = corners[a] + t[:, None] * (corners[b] - corners[a])
        edge[:, 0] += bow * np.sin(np.pi * t)
        parts.append(shell(edge, thick * (0.8 + 0.4 * t), thick * (0.8 + 0.4 * t), 0.10, 12))
    ridge = np.array([out - 1.8, 8.2, high - 0.8]) + t[:, None] * np.array([6.0, -2.7, 3.4])
    parts.append(shell(ridge, 0.34 + 0.3 * t**2, 0.34 + 0.3 * t**2, 0.09, 14))

    head, radius = np.array([out + 5.3, 3.2, high - 0.4]), 2.35 * scale
    rays = rng.standard_normal((9000, 3))
    rays /= np.linalg.norm(rays, axis=1)[:, None]
    parts.append((head + radius * rays, np.full(9000, 4 * np.pi * radius**2 * 0.12 / 9000)))
    inner = head + radius * rays * rng.random((9000, 1)) ** (1 / 3)
    parts.append((inner, np.full(9000, 4.19 * radius**3 * 0.12 / 9000)))
    arm = head + t[:, None] * np.array([2.2, 0.0, -13.0])
    parts.append(shell(arm, 1.3 * scale, 1.3 * scale, 0.28, 24))
    return parts


def spine(rays: Rays, patient: Patient) -> Array:
    """The vertebrae in the plane of the spine: bodies with denser end plates, pedicles and spinous processes."""
    cage, scale, rng = Cage(patient), patient.scale, Streams(patient.seed)("spine")
    x, z = rays.plane(0.7 * patient.half_depth)
    x = x - cage.bend(z)
    pitch = 2.25 * scale + 0.02 * (8 - z)
    place = (z + rng.uniform(0, 2.3)) / pitch
    number, within = np.floor(place), place - np.floor(place)
    waist = (
        (1.42 + 0.012 * (8 - z)) * scale * (1 - 0.11 * np.sin(np.pi * np.clip((within - 0.1) / 0.8, 0, 1)))
    )
    body = np.clip((waist - np.abs(x)) / 0.25 + 0.5, 0, 1)
    disc = ramp(np.abs(within - 0.5), 0.37, 0.45)
    plates = bump(within, 0.11, 0.035) + bump(within, 0.89, 0.035)
    chord = np.sqrt(np.clip(1 - (x / (waist + 0.2)) ** 2, 0, 1))
    edge = 0.05 * bump(np.abs(x) - waist + 0.1, 0, 0.1)
    bone = body * (chord * (0.20 * (1 - 0.95 * disc) + 0.12 * plates) + edge)
    pedicle = np.exp(
        -((((np.abs(x) - 1.0 * scale) / 0.32) ** 2 + ((within - 0.62) * pitch / 0.42) ** 2) ** 2)
    )
    ring = pedicle - 0.55 * np.exp(
        -(((np.abs(x) - 1.0 * scale) / 0.2) ** 2 + ((within - 0.62) * pitch / 0.28) ** 2)
    )
    lean = 0.12 * np.sin(2.1 * number + patient.seed % 13)
    process = np.exp(-((((x - lean) / 0.24) ** 2 + ((within - 0.35) * pitch / 0.75) ** 2) ** 2))
    return (patient.bone_density * (bone + 0.24 * np.clip(ring, 0, None) + 0.18 * process)).astype(np.float32)
