"""How a bird sits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from course_utils.fieldguide.species import Build


@dataclass(frozen=True)
class Pose:
    """Angles in degrees; positive raises, or turns towards the viewer.

    Attributes:
        name: ``"upright"``, ``"relaxed"``, ``"level"``, ``"fluffed"`` or ``"looking_back"``.
        pitch: Body axis above the horizontal.
        fluff: Depth of the body relative to its sleek state.
        neck: How far the neck is stretched, in units.
        looks_back: The head faces the tail.
        head_pitch: Bill above the horizontal.
        head_yaw: Head turned towards the viewer.
        tail_angle: Tail above the body axis.
        tail_spread: Angle between the outer tail feathers.
        wing_droop: How far the wing tip hangs, in units.
        crest_raise: 0 flat to 1 raised.
        stance: Foot ahead of the usual place, in units.
        leg_bend: Share of the leg's length that shows.
    """

    name: str = "relaxed"
    pitch: float = 28.0
    fluff: float = 1.0
    neck: float = 0.0
    looks_back: bool = False
    head_pitch: float = 2.0
    head_yaw: float = 0.0
    tail_angle: float = -4.0
    tail_spread: float = 7.0
    wing_droop: float = 0.0
    crest_raise: float = 0.8
    stance: float = 2.0
    leg_bend: float = 1.0


def draw_pose(build: Build, rng: np.random.Generator) -> Pose:
    """Draw a pose at random, within the species' usual posture."""
    low, high = build.posture
    name = str(
        rng.choice(
            ["relaxed", "upright", "level", "fluffed", "looking_back"], p=[0.38, 0.2, 0.18, 0.12, 0.12]
        )
    )
    share = {"upright": (0.75, 1.25), "level": (-0.5, 0.15)}.get(name, (0.1, 0.85))
    looks_back = name == "looking_back"
    return Pose(
        name=name,
        pitch=low + (high - low) * rng.uniform(*share),
        fluff=rng.uniform(1.08, 1.15) if name == "fluffed" else rng.uniform(0.94, 1.05),
        neck=rng.uniform(2, 5) if name == "upright" else rng.uniform(-2, 2.5),
        looks_back=looks_back,
        head_pitch=float(np.clip(rng.normal(3, 8), -16, 22)),
        head_yaw=float(np.clip(rng.normal(4, 13), -18, 30)),
        tail_angle=float(np.clip(rng.normal(-4, 8), -20, 16)),
        tail_spread=rng.uniform(3, 12),
        wing_droop=rng.uniform(-0.8, 1.5),
        crest_raise=rng.uniform(0.35, 1.0),
        stance=rng.uniform(0, 5),
        leg_bend=rng.uniform(0.75, 1.1),
    )
