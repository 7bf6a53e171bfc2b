"""Where everything on a bird is, in three dimensions seen from one side.

Body coordinates (u, d, w) are in units from the middle of the trunk: u along the body axis towards the
head, d towards the back, w sideways, towards the viewer of a bird that faces right. Head coordinates
(u, v) are in head radii from the middle of the head: u towards the bill, v towards the crown. Canvas
coordinates have y downwards. Head, neck and trunk are a chain of balls; so their silhouette is right
from every side, and a place on the skin can be found from its side view.
"""

from __future__ import annotations

import math
from copy import copy
from functools import cached_property

import numpy as np
from scipy.interpolate import PchipInterpolator

from birds._skia import skia
from birds.drawing import Array, balls_path, direction, unit
from birds.pose import Pose, body_axes
from birds.traits import Species

HEAD_LENGTH, HEAD_HEIGHT = 1.06, 0.96
BILL_BASE = 0.88
EYE = (0.38, 0.15)
TAIL_BASE = (-38.0, 0.5)
TRUNK = np.array(
    [(-44, 0, 3.2), (-38, 0.2, 5.6), (-30, -0.3, 9.6), (-20, -0.8, 13.8), (-9, -1.3, 17.2), (2, -1.6, 19.4),
     (12, -1.4, 19.6), (20, -0.6, 18.0)]
)  # fmt: skip
"""Balls of the trunk from the tail to the chest: u, d and radius, for an average songbird."""
SKULL = np.array([(-0.10, 0.03, 0.92), (0.03, 0.02, 0.93), (0.22, -0.06, 0.78), (0.42, -0.13, 0.57)])
"""Balls of the head: u, v and radius in head coordinates."""


class Anatomy:
    """One bird in one pose.

    Attributes:
        species: What it is.
        pose: How it sits.
        axes: (3, 3), what one unit along u, d and w is on the canvas (right, down) and towards the viewer.
        depth: Depth of the body relative to an average songbird.
        head_centre: Middle of the head.
        head_radius: Half the head's height, about, in units.
        head_forward: Unit vector towards the bill.
        head_up: Unit vector towards the crown.
        foot: Where the feet grip.
    """

    def __init__(self, species: Species, pose: Pose) -> None:
        self.species, self.pose = species, pose
        build = species.build
        self.depth = build.plumpness * pose.fluff
        self.axes = body_axes(pose)
        self._spine = _spine(self.depth)
        self.head_radius = build.head_radius
        reach = 5 + pose.neck + build.neck_length
        angle = math.radians(48 - 0.55 * pose.pitch + pose.neck_angle)
        self.head_centre = self.at(29 + reach * math.cos(angle), 14 * self.depth + reach * math.sin(angle))
        facing = np.array([-1.0 if pose.looks_back else 1.0, 1.0])
        self.head_forward = direction(pose.head_pitch) * facing
        self.head_up = direction(pose.head_pitch + 90) * facing
        belly = self.at(-4, -16 * self.depth)
        self.foot = belly + np.array([pose.stance + 3, build.leg_length * pose.leg_bend])

    def worn_by(self, species: Species) -> Anatomy:
        """The same body in the same pose as a bird of another species of the same build."""
        _ = self.outline
        other = copy(self)
        other.species = species
        return other

    @property
    def forward(self) -> Array:
        """Unit vector along the body axis, on the canvas."""
        return unit(self.axes[0, :2])

    @property
    def dorsal(self) -> Array:
        """Unit vector from belly to back, on the canvas."""
        return unit(self.axes[1, :2])

    @property
    def shows_back(self) -> bool:
        """Whether more than the near half of the back is seen."""
        return bool(self.axes[1, 2] > 0.12)

    def at(self, u: float, d: float, w: float = 0.0) -> Array:
        """Canvas point of a place in body coordinates."""
        return (np.array([u, d, w]) @ self.axes)[:2]

    def on_trunk(self, u: float, d: float, side: int = 1, lift: float = 1.0) -> Array:
        """Canvas point of the skin that a side view shows at (u, d); beyond the body, in its middle plane.

        Args:
            u: Along the body.
            d: Up the body.
            side: 1 for the near side, -1 for the far side.
            lift: Factor on the distance from the middle plane.
        """
        return self.at(u, d, side * lift * self.half_width(u, d))

    def half_width(self, u: float, d: float) -> float:
        """Distance of the skin from the middle plane, in units; 0 beyond the body."""
        spine = self._spine
        middle, radius = np.interp(u, spine[:, 0], spine[:, 1]), np.interp(u, spine[:, 0], spine[:, 2])
        beyond = max(0.0, u - spine[-1, 0])
        return math.sqrt(max(0.0, radius**2 - beyond**2 - (d - middle) ** 2))

    def on_head(self, u: float, v: float) -> Array:
        """Point on the head's surface, moved as the head turns towards the viewer.

        Outside the head (abs(u) > 1) points only shift, so that patches may reach beyond the outline.
        """
        inside = min(0.999, max(-0.999, u))
        yaw = math.radians(self.pose.head_yaw)
        return self.beside_head(math.sin(math.asin(inside) - yaw) + (u - inside) * math.cos(yaw), v)

    def beside_head(self, u: float, v: float) -> Array:
        """Point in head coordinates that does not move as the head turns."""
        across = HEAD_LENGTH * u * self.head_forward + HEAD_HEIGHT * v * self.head_up
        return self.head_centre + self.head_radius * across

    @cached_property
    def neck(self) -> Array:
        """Balls from the chest to the head, (n, 3): canvas x, y and radius."""
        build, (u, d, radius) = self.species.build, self._spine[-1]
        chest, head = self.at(u, d), self.head_centre
        pull = chest + 0.55 * (head - chest) + (1.5 + 0.28 * build.neck_length) * self.forward
        t = np.linspace(0, 1, 22)[:, None]
        line = (1 - t) ** 2 * chest + 2 * t * (1 - t) * pull + t * t * head
        smooth = t * t * (3 - 2 * t)
        radii = radius + (0.92 * self.head_radius - radius) * smooth
        if build.neck_length > 4:
            waist = np.clip((t - 0.2) / 0.5, 0, 1) ** 1.2 * np.clip((1.05 - t) / 0.4, 0, 1)
            radii = radii + waist * (np.minimum(radii, build.neck_width) - radii)
        return np.concatenate([line, radii], axis=1)

    @cached_property
    def balls(self) -> Array:
        """All balls of trunk, neck and head, (n, 3): canvas x, y and radius."""
        trunk = [(*self.at(u, d), radius) for u, d, radius in self._spine]
        yaw = math.cos(math.radians(self.pose.head_yaw))
        dense = PchipInterpolator(np.arange(len(SKULL)), SKULL)(np.linspace(0, len(SKULL) - 1, 9))
        skull = [(*self.beside_head(u * yaw, v), r * self.head_radius) for u, v, r in dense]
        return np.array([*trunk, *self.neck.tolist(), *skull], float)

    @cached_property
    def outline(self) -> skia.Path:
        """Silhouette of head, neck and trunk, without bill, crest, wing, tail and legs."""
        return balls_path(self.balls)

    @property
    def eye(self) -> Array:
        """Middle of the eye."""
        return self.on_head(*EYE)

    def bill_point(self, along: float, up: float) -> Array:
        """Point of the bill: along from its base and up from its middle line, both in units."""
        yaw = math.radians(self.pose.head_yaw)
        base = math.sin(math.asin(BILL_BASE) - yaw)
        u = base + along * (0.05 + 0.95 * math.cos(yaw)) / (self.head_radius * HEAD_LENGTH)
        return self.beside_head(u, -0.1 + up / self.head_radius)

    @property
    def bill_tip(self) -> Array:
        """Tip of the bill."""
        bill = self.species.bill
        length = bill.length * self.head_radius
        return self.bill_point(length, -bill.decurvature * length)

    def tail_point(self, along: float, side: float) -> Array:
        """Point of the tail's fan.

        Args:
            along: Distance from its base, in units.
            side: Angle to its middle line in degrees; positive towards the viewer.
        """
        lift, fan = math.radians(self.pose.tail_angle), math.radians(side)
        u, d = -math.cos(lift) * math.cos(fan), math.sin(lift) + 0.55 * math.sin(fan)
        return self.at(*TAIL_BASE) + along * self.at(u, d * 1.0, math.sin(fan))

    @property
    def tail_tip(self) -> Array:
        """End of the tail's middle line."""
        return self.tail_point(self.species.build.tail_length, 0)

    @property
    def length(self) -> float:
        """Length of the bird from bill to tail when it lies stretched, in units."""
        build = self.species.build
        bill = self.species.bill.length * build.head_radius
        return 85 + build.tail_length + build.neck_length + bill

    @cached_property
    def parts(self) -> dict[str, Array]:
        """Named points, after those of CUB-200-2011."""
        p = self.depth
        return {
            "eye": self.eye,
            "bill": self.bill_tip,
            "crown": self.beside_head(0.05, 0.85),
            "nape": self.beside_head(-0.85, 0.25),
            "throat": self.on_head(0.55, -0.7),
            "breast": self.on_trunk(27, -8 * p),
            "back": self.at(0, 14 * p),
            "belly": self.on_trunk(6, -16 * p),
            "wing": self.on_trunk(-4, 0),
            "tail": self.tail_tip,
            "foot": self.foot,
        }

    @property
    def hidden_parts(self) -> frozenset[str]:
        """Parts on the side that is turned away from the viewer."""
        hidden = {"foot"} if self.pose.flies else set()
        if self.pose.yaw < -25:
            hidden |= {"breast", "belly", "foot"}
        return frozenset(hidden)

    @cached_property
    def extent(self) -> Array:
        """Outermost points without spread wings, (n, 2): what must fit into the picture."""
        bounds = self.outline.computeTightBounds()
        corners = [(x, y) for x in (bounds.left(), bounds.right()) for y in (bounds.top(), bounds.bottom())]
        build = self.species.build
        crest = self.beside_head(-0.9, 1 + build.crest * self.pose.crest_raise)
        tail = build.tail_length * (1.06 + max(0.0, build.tail_notch))
        fan = [self.tail_point(tail, side * (0.5 * self.pose.tail_spread + 4)) for side in (-1, 0, 1)]
        points = [*corners, self.bill_tip, *fan, crest]
        points += (
            [] if self.pose.flies else [*(self.foot + np.array([x, 5.0]) for x in (-9, 15)), self.at(-48, -3)]
        )
        return np.array(points, float)


def _spine(depth: float) -> Array:
    """Balls of the trunk, closely spaced: u, d and radius."""
    u = np.linspace(TRUNK[0, 0], TRUNK[-1, 0], 34)
    middle, radius = PchipInterpolator(TRUNK[:, 0], TRUNK[:, 1:])(u).T
    grow = 1 + (depth - 1) * np.clip((u + 44) / 24, 0, 1)
    return np.stack([u, middle * grow, radius * grow], axis=1)
