"""One invented person: what all of their studies share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drawn_set.streams import Streams

LARGEST_HEALTHY = 0.535
"""Width of the largest healthy heart, relative to that of the chest."""


@dataclass(frozen=True)
class Patient:
    """Anatomy in cm.

    Attributes:
        seed: Decides everything about this person.
        female: Sex.
        age: Years.
        scale: Size of the body relative to an average one.
        half_width: Of the inside of the rib cage, at its widest.
        half_depth: Of the same, from the breastbone to the back.
        apex: Height of the tips of the lungs.
        height: From there to the lowest ribs.
        wall: Thickness of skin, fat and muscle over the ribs.
        heart: Width of the heart relative to that of the chest.
        knob: How far the aortic arch stands out.
        dome: How far the left diaphragm stands below the right one.
        bend: Sideways bend of the spine.
        lung_density: Relative to soft tissue.
        bone_density: Relative to a healthy adult of 25.
        breast: Thickness of breast tissue.
        vessels: Calibre of the vessels relative to an average one.
        rib_slope: How steeply the ribs run down to the front.
    """

    seed: int
    female: bool
    age: float
    scale: float
    half_width: float
    half_depth: float
    apex: float
    height: float
    wall: float
    heart: float
    knob: float
    dome: float
    bend: float
    lung_density: float
    bone_density: float
    breast: float
    vessels: float
    rib_slope: float

    @classmethod
    def draw(cls, seed: int) -> Patient:
        """A person by chance; sex, age, build and size hang together as they do in people."""
        rng = Streams(seed)("patient")
        normal, uniform = rng.standard_normal, rng.uniform
        female = bool(rng.random() < 0.5)
        age = float(uniform(19, 90))
        scale = (0.94 if female else 1.03) * (1 + 0.045 * normal())
        slender = 0.7 * normal()
        old = (age - 50) / 40
        return cls(
            seed=seed,
            female=female,
            age=age,
            scale=scale,
            half_width=13.0 * scale * (1 - 0.035 * slender),
            half_depth=8.8 * scale * (1 - 0.05 * slender + 0.06 * old),
            apex=12.6 * scale + 0.5 * normal(),
            height=25.0 * scale * (1 + 0.05 * slender),
            wall=float(np.clip(2.2 + 0.9 * abs(normal()) - 0.4 * slender + 0.3 * female, 1.2, 5.0)),
            heart=float(
                np.clip(0.455 + 0.03 * normal() + 0.024 * old - 0.02 * slender, 0.37, LARGEST_HEALTHY)
            ),
            knob=float(np.clip(0.65 + 0.45 * old + 0.2 * normal(), 0.1, 1.5)),
            dome=float(uniform(0.4, 2.2)),
            bend=0.35 * normal() + (0.9 * normal() if rng.random() < 0.15 else 0.0),
            lung_density=0.25 * (1 + 0.12 * normal()) * (1 - 0.12 * (age > 65) * rng.random()),
            bone_density=(1.1 - 0.16 * (age - 20) / 40) * (1 + 0.08 * normal()),
            breast=float(np.clip(1.0 + 0.5 * normal(), 0.25, 2.2)) if female else 0.0,
            vessels=float(np.clip(1 + 0.13 * normal(), 0.7, 1.4)),
            rib_slope=1 + 0.12 * normal(),
        )


@dataclass(frozen=True)
class Positioning:
    """How the person stood for one study.

    Attributes:
        turn: Rotation about the long axis of the body.
        tilt: Rotation in the plane of the picture.
        shift: Of the middle of the chest from that of the picture: right and down, in cm.
        zoom: Size relative to the scanner's usual distance.
        breath: Depth of inspiration: 0 is usual, negative is shallow; in cm of the diaphragm.
        arms: How far shoulder blades and shoulders are rolled outwards: 0 to 1.
        shoulders: Height of each shoulder (right, left) over the usual.
    """

    turn: float
    tilt: float
    shift: tuple[float, float]
    zoom: float
    breath: float
    arms: float
    shoulders: tuple[float, float]

    @classmethod
    def draw(cls, rng: np.random.Generator, *, upright: bool) -> Positioning:
        """By chance; people who lie (``upright`` False) are placed less well and breathe less deeply."""
        loose = 1.0 if upright else 1.7
        normal = rng.standard_normal
        return cls(
            turn=float(np.deg2rad(2.6 * loose * normal())),
            tilt=float(np.deg2rad(1.5 * loose * normal())),
            shift=(0.7 * loose * normal(), 0.9 * loose * normal()),
            zoom=1 + 0.03 * loose * normal(),
            breath=float(np.clip(0.8 * normal() - (0.0 if upright else 1.3), -3.4, 1.3)),
            arms=float(rng.uniform(0.2, 1) if upright else rng.uniform(0, 0.45)),
            shoulders=(0.6 * normal(), 0.6 * normal()),
        )
