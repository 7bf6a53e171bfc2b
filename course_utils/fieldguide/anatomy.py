"""Where everything on a bird is: body and head coordinates, the outline, named parts.

The bird faces right. Body coordinates (u, d) are in units from the middle of the trunk: u along the body
axis towards the head, d towards the back. Head coordinates (u, v) are in head radii from the middle of
the head: u towards the bill, v towards the crown. Canvas coordinates have y downwards.
"""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from course_utils.fieldguide._skia import skia
from course_utils.fieldguide.drawing import Array, direction, spline
from course_utils.fieldguide.pose import Pose
from course_utils.fieldguide.species import Species

HEAD_LENGTH, HEAD_HEIGHT = 1.06, 0.96
BILL_BASE = 0.88
EYE = (0.36, 0.14)
TAIL_BASE = (-38.0, 0.5)


class Anatomy:
    """One bird in one pose.

    Attributes:
        species: What it is.
        pose: How it sits.
        forward: Unit vector along the body axis.
        dorsal: Unit vector from belly to back.
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
        self.forward, self.dorsal = direction(pose.pitch), direction(pose.pitch + 90)
        self.head_radius = build.head_radius
        self.head_centre = self.at(30, 14.5 * self.depth) + (5 + pose.neck) * direction(
            48 + 0.45 * pose.pitch
        )
        facing = np.array([-1.0 if pose.looks_back else 1.0, 1.0])
        self.head_forward = direction(pose.head_pitch) * facing
        self.head_up = direction(pose.head_pitch + 90) * facing
        belly = self.at(-4, -16 * self.depth)
        self.foot = belly + np.array([pose.stance + 3, build.leg_length * pose.leg_bend])

    def at(self, u: float, d: float) -> Array:
        """Point in body coordinates."""
        return u * self.forward + d * self.dorsal

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

    def _skull(self, degrees: float, reach: float = 1.0) -> Array:
        """Point on the head's outline; 0 points ahead of the body, wherever the bird looks."""
        ahead = self.head_forward * (-1 if self.pose.looks_back else 1)
        angle = math.radians(degrees)
        across = HEAD_LENGTH * math.cos(angle) * ahead + HEAD_HEIGHT * math.sin(angle) * self.head_up
        return self.head_centre + self.head_radius * reach * across

    @cached_property
    def outline(self) -> skia.Path:
        """Silhouette of head and trunk, without bill, crest, wing, tail and legs.

        From the back of the head the line runs straight to the mantle: songbirds show hardly any neck.
        """
        p = self.depth
        nape, mantle = self._skull(148), self.at(11, 19.5 * p)
        chin, chest = self._skull(-52, 1.04), self.at(35, -7 * p)
        front = 2.5 if self.pose.looks_back else 0.4
        trunk = [(-5, 18.4 * p), (-20, 13.6 * p), (-33, 7.5), (-42, 4.5), (-45, 0.5), (-42, -4)]
        below = [(-32, -8.5), (-14, -17 * p), (7, -21.5 * p), (25, -18 * p)]
        return spline(
            [
                *(self._skull(angle) for angle in (14, 50, 88, 122, 148)),
                0.5 * (nape + mantle) - 0.6 * self.forward + 0.3 * self.dorsal,
                mantle,
                *(self.at(u, d) for u, d in trunk),
                *(self.at(u, d) for u, d in below),
                chest,
                0.5 * (chin + chest) + front * self.forward,
                chin,
                self._skull(-18, 1.0),
            ]
        )

    @property
    def eye(self) -> Array:
        """Middle of the eye."""
        return self.on_head(*EYE)

    def bill_point(self, along: float, up: float) -> Array:
        """Point of the bill: along from its base and up from its middle line, both in units."""
        yaw = math.radians(self.pose.head_yaw)
        base = math.sin(math.asin(BILL_BASE) - yaw)
        u = base + along * (0.05 + 0.95 * math.cos(yaw)) / (self.head_radius * HEAD_LENGTH)
        return self.beside_head(u, -0.06 + up / self.head_radius)

    @property
    def bill_tip(self) -> Array:
        """Tip of the bill."""
        bill = self.species.bill
        length = bill.length * self.head_radius
        return self.bill_point(length, -bill.decurvature * length)

    @property
    def tail_direction(self) -> float:
        """Angle of the tail's middle line, from base to tip."""
        return self.pose.pitch + 180 + self.pose.tail_angle

    @property
    def tail_tip(self) -> Array:
        """End of the tail's middle line."""
        return self.at(*TAIL_BASE) + self.species.build.tail_length * direction(self.tail_direction)

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
            "breast": self.at(29, -8 * p),
            "back": self.at(0, 14 * p),
            "belly": self.at(6, -16 * p),
            "wing": self.at(-4, 0),
            "tail": self.tail_tip,
            "foot": self.foot,
        }

    @cached_property
    def extent(self) -> Array:
        """Outermost points, (n, 2): what must fit into the picture."""
        bounds = self.outline.computeTightBounds()
        corners = [(x, y) for x in (bounds.left(), bounds.right()) for y in (bounds.top(), bounds.bottom())]
        crest = self.beside_head(-0.9, 1 + self.species.build.crest * self.pose.crest_raise)
        wing_tip = self.at(-46, -2)
        return np.array([*corners, self.bill_tip, self.tail_tip, self.foot, crest, wing_tip], float)


def lerp(a: ArrayLike, b: ArrayLike, t: float) -> tuple[float, float]:
    """Point at share t of the way from a to b, in whatever coordinates they are."""
    (ax, ay), (bx, by) = a, b
    return ax + (bx - ax) * t, ay + (by - ay) * t
