"""How a bird sits, stands or flies."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from birds.drawing import Array
from birds.traits import Build

FLIGHT_SHARE = 0.14
WING_MARKS = frozenset({"wing_bars", "wing_panel", "speculum", "wing_spots", "scapular_patch"})
UNDERSIDE_MARKS = frozenset({"breast_band", "flank_streaks", "breast_spots", "bib"})
PERCHED = {
    "relaxed": 0.24,
    "upright": 0.13,
    "level": 0.11,
    "fluffed": 0.09,
    "half_turned": 0.16,
    "from_behind": 0.10,
    "looking_back": 0.07,
    "preening": 0.05,
    "feeding": 0.05,
}
"""Poses of birds that don't fly, and how often they are drawn."""
EACH_NAME = 300
"""Drawings after which no name has been missed."""


@dataclass(frozen=True)
class Pose:
    """Angles in degrees; positive raises, or turns towards the viewer.

    Attributes:
        name: A key of ``PERCHED``, ``"gliding"`` or ``"flapping"``.
        pitch: Body axis above the horizontal.
        yaw: Body turned about the vertical: positive shows the breast, negative the back.
        bank: Body rolled about its axis: positive shows the back, negative the belly.
        fluff: Depth of the body relative to its sleek state.
        neck: How far the neck is stretched, in units.
        neck_angle: Direction of the neck, above its usual one.
        looks_back: The head faces the tail.
        head_pitch: Bill above the horizontal.
        head_yaw: Head turned towards the viewer.
        tail_angle: Tail above the body axis.
        tail_spread: Angle between the outer tail feathers.
        wing_droop: How far the tip of a folded wing hangs, in units.
        wings: Elevation of the inner and the outer half of spread wings; None when they are folded.
        crest_raise: 0 flat to 1 raised.
        stance: Foot ahead of the usual place, in units.
        leg_bend: Share of the leg's length that shows.
    """

    name: str = "relaxed"
    pitch: float = 28.0
    yaw: float = 0.0
    bank: float = 0.0
    fluff: float = 1.0
    neck: float = 0.0
    neck_angle: float = 0.0
    looks_back: bool = False
    head_pitch: float = 2.0
    head_yaw: float = 0.0
    tail_angle: float = -4.0
    tail_spread: float = 7.0
    wing_droop: float = 0.0
    wings: tuple[float, float] | None = None
    crest_raise: float = 0.8
    stance: float = 2.0
    leg_bend: float = 1.0

    @property
    def flies(self) -> bool:
        """Whether the bird is on the wing."""
        return self.wings is not None


def draw_flight(rng: np.random.Generator) -> bool:
    """Decide whether the bird flies: before anything is known about its species."""
    return bool(rng.random() < FLIGHT_SHARE)


def draw_pose(build: Build, mark: str, rng: np.random.Generator, *, flies: bool) -> Pose:
    """Draw a pose at random, within the species' usual posture, such that a mark can be seen.

    Args:
        build: Of the species.
        mark: The deciding mark, ``""`` for none; the members of a pair get the same poses.
        rng: The pose's stream.
        flies: On the wing or not.
    """
    return _draw_flying(mark, rng) if flies else _draw_perched(build, mark, rng)


def poses_by_name(build: Build, mark: str, rng: np.random.Generator) -> dict[str, Pose]:
    """One pose of each name, perched and flying, as it is drawn for a bird of this build and mark."""
    found: dict[str, Pose] = {}
    for flies in (False, True):
        for pose in (draw_pose(build, mark, rng, flies=flies) for _ in range(EACH_NAME)):
            found.setdefault(pose.name, pose)
    return found


def _draw_perched(build: Build, mark: str, rng: np.random.Generator) -> Pose:
    low, high = build.posture
    name = _draw_name(mark, rng)
    share = {"upright": (0.75, 1.2), "level": (-0.45, 0.15), "feeding": (-1.0, -0.3)}.get(name, (0.1, 0.85))
    pose = Pose(
        name=name,
        pitch=max(low + (high - low) * rng.uniform(*share), -14.0),
        yaw=float(rng.normal(2, 7)),
        fluff=rng.uniform(1.07, 1.13) if name == "fluffed" else rng.uniform(0.95, 1.04),
        neck=rng.uniform(2, 5) if name == "upright" else rng.uniform(-2, 2),
        head_pitch=float(np.clip(rng.normal(3, 7), -14, 20)),
        head_yaw=float(np.clip(rng.normal(5, 12), -14, 30)),
        tail_angle=float(np.clip(rng.normal(-4, 8), -18, 16)),
        tail_spread=rng.uniform(3, 12),
        wing_droop=rng.uniform(-0.6, 1.2),
        crest_raise=rng.uniform(0.35, 1.0),
        stance=rng.uniform(0, 5),
        leg_bend=rng.uniform(0.8, 1.1),
    )
    return VARIANTS[name](pose, mark, rng) if name in VARIANTS else pose


def _draw_name(mark: str, rng: np.random.Generator) -> str:
    hidden = {"from_behind", "preening"} if mark in UNDERSIDE_MARKS else set()
    names = [name for name in PERCHED if name not in hidden]
    odds = np.array([PERCHED[name] for name in names])
    return str(rng.choice(names, p=odds / odds.sum()))


def _half_turned(pose: Pose, mark: str, rng: np.random.Generator) -> Pose:
    most = 27 if mark in WING_MARKS else 44
    return replace(pose, yaw=rng.uniform(16, most), head_yaw=rng.uniform(4, 34))


def _from_behind(pose: Pose, mark: str, rng: np.random.Generator) -> Pose:
    return replace(
        pose,
        pitch=max(pose.pitch, 14) + rng.uniform(2, 10),
        yaw=-rng.uniform(28, 56),
        head_yaw=rng.uniform(-16, 8),
        looks_back=bool(rng.random() < 0.3),
        tail_spread=rng.uniform(6, 14),
        tail_angle=rng.uniform(-10, 4),
    )


def _looking_back(pose: Pose, mark: str, rng: np.random.Generator) -> Pose:
    return replace(pose, looks_back=True, head_yaw=rng.uniform(-8, 24), neck_angle=rng.uniform(4, 14))


def _preening(pose: Pose, mark: str, rng: np.random.Generator) -> Pose:
    return replace(
        pose,
        looks_back=True,
        neck=rng.uniform(-2, 0),
        neck_angle=rng.uniform(22, 34),
        head_pitch=rng.uniform(-44, -30),
        head_yaw=rng.uniform(0, 16),
    )


def _feeding(pose: Pose, mark: str, rng: np.random.Generator) -> Pose:
    return replace(
        pose,
        neck=rng.uniform(2, 4),
        neck_angle=-rng.uniform(30, 46),
        head_pitch=-rng.uniform(26, 46),
        tail_angle=rng.uniform(-2, 12),
    )


VARIANTS = {
    "half_turned": _half_turned,
    "from_behind": _from_behind,
    "looking_back": _looking_back,
    "preening": _preening,
    "feeding": _feeding,
}


def _draw_flying(mark: str, rng: np.random.Generator) -> Pose:
    """A glide with level wings, or a wing beat; banked such that the mark's side is seen."""
    gliding = bool(rng.random() < 0.5)
    from_above = bool(rng.random() < 0.6)
    if mark in WING_MARKS:
        from_above = True
    elif mark in UNDERSIDE_MARKS:
        from_above = False
    if gliding:
        bank, lift = (rng.uniform(36, 52) if from_above else -rng.uniform(30, 44)), rng.uniform(2, 12)
        wings = (lift, lift + rng.uniform(-8, 4))
    elif from_above:
        bank, lift = rng.uniform(34, 46), -rng.uniform(8, 24)
        wings = (lift, lift + rng.uniform(4, 14))
    else:
        bank, lift = -rng.uniform(4, 16), rng.uniform(44, 60)
        wings = (lift, lift - rng.uniform(0, 16))
    return Pose(
        name="gliding" if gliding else "flapping",
        pitch=rng.uniform(-4, 8) if gliding else rng.uniform(4, 20),
        yaw=rng.uniform(-14, 14) if from_above else rng.uniform(8, 24),
        bank=bank,
        fluff=rng.uniform(0.86, 0.93),
        neck=rng.uniform(-1, 2),
        neck_angle=-rng.uniform(16, 30),
        head_pitch=float(np.clip(rng.normal(2, 5), -8, 12)),
        head_yaw=float(np.clip(rng.normal(4, 9), -12, 22)),
        tail_angle=rng.uniform(-6, 4),
        tail_spread=rng.uniform(26, 52),
        wings=wings,
        crest_raise=rng.uniform(0.2, 0.5),
    )


def body_axes(pose: Pose) -> Array:
    """Rows: what a unit along u, d and w is to the right, down and towards the viewer."""
    pitch, yaw, bank = (math.radians(angle) for angle in (pose.pitch, pose.yaw, pose.bank))
    forward = np.array([math.cos(pitch), math.sin(pitch), 0.0])
    up = np.array([-math.sin(pitch), math.cos(pitch), 0.0])
    near = np.array([0.0, 0.0, 1.0])
    dorsal = up * math.cos(bank) + near * math.sin(bank)
    side = near * math.cos(bank) - up * math.sin(bank)
    turn = np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, -1, 0], [-math.sin(yaw), 0, math.cos(yaw)]])
    return np.stack([forward, dorsal, side]) @ turn
