"""One person in front of one scanner, as path lengths along its rays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from drawn_set.streams import Streams
from scans.chest import Chest
from scans.devices import devices
from scans.mimics import Mimics, mimics
from scans.patient import Patient, Positioning
from scans.rays import Rays
from scans.scanner import Scanner
from scans.shapes import Array, clouds
from scans.skeleton import project_bones
from scans.tissue import body_thickness, bowel_gas
from scans.vessels import airways, vessels


@dataclass(frozen=True, eq=False)
class Change:
    """What an anomaly does to a chest. All maps are (side, side), in cm.

    Attributes:
        air: Aerated lung that is left; None leaves it as it was.
        free: Air that is in no lung.
        added: Soft tissue or fluid inside the lung, beyond what takes the place of air.
        moved: Where the points of the vessels (N, 3) have gone; None leaves them.
        heart_size: Size of the heart relative to the person's own.
    """

    air: Array | None = None
    free: Array | float = 0.0
    added: Array | float = 0.0
    moved: Callable[[Array], Array] | None = None
    heart_size: float = 1.0


class Phantom:
    """What the rays of one exposure cross. Everything that no anomaly touches is computed once.

    Attributes:
        rays: The rays.
        chest: The inside of the chest, without an anomaly.
        body: Thickness of the body (side, side), in cm.
    """

    def __init__(
        self, patient: Patient, scanner: Scanner, positioning: Positioning, *, seed: int, side: int
    ) -> None:
        self.patient, self.scanner, self.positioning = patient, scanner, positioning
        self.rays = Rays(scanner, patient, positioning, side)
        self.chest = Chest(self.rays, patient, positioning)
        self.body = body_thickness(self.rays, patient, positioning)
        self._seed = seed

    @cached_property
    def air(self) -> Array:
        """Aerated lung along each ray, in cm."""
        return self.rays.along(self.chest.lungs)

    @cached_property
    def _vessels(self) -> tuple[Array, Array]:
        return vessels(self.patient, self.chest.floor)

    @cached_property
    def _projected_vessels(self) -> Array:
        return self.rays.project(*self._vessels)

    @cached_property
    def _hollow(self) -> Array:
        """Gas that is always there: windpipe and bowel."""
        pipe = 1.2 * airways(self.rays, self.patient) * (self.body > 3)
        return pipe + bowel_gas(self.rays, self.patient, self.chest.floor)

    @cached_property
    def _parenchyma(self) -> Array:
        """Density of the lung along each ray, relative to soft tissue."""
        rng, side = Streams(self.patient.seed)("parenchyma"), self.rays.side
        texture = 1 + 0.05 * clouds(rng, side, 1.15, 5) + 0.03 * clouds(rng, side, 0.45, 12)
        gravity = 1 - 0.08 * self.rays.v[:, None] / 14
        return (self.patient.lung_density * texture * gravity).astype(np.float32)

    @cached_property
    def _mimicked(self) -> Mimics:
        return mimics(self.rays, self.patient, self.chest)

    @property
    def mimics(self) -> tuple[str, ...]:
        """Names of the harmless things that look like anomalies."""
        return self._mimicked.names

    @cached_property
    def _hard(self) -> Array:
        bone = project_bones(self.rays, self.patient, self.positioning) + self._mimicked.hard
        return bone + devices(self.rays, self.scanner, self._seed)

    def absorbed(self, change: Change | None = None) -> Array:
        """Attenuation along each ray (side, side), without unit."""
        change = change or Change()
        air = self.air if change.air is None else change.air
        if change.heart_size != 1.0:
            bigger = Chest(self.rays, self.patient, self.positioning, heart_size=change.heart_size)
            air = self.rays.along(bigger.lungs)
        tree = self._projected_vessels
        if change.moved is not None:
            points, volumes = self._vessels
            tree = self.rays.project(change.moved(points), volumes)
        tree = 3.0 * np.tanh(1.35 * tree * np.clip(air / 2 + 0.25, 0, 1) / 3.0)
        empty = air + change.free + self._hollow
        soft = np.maximum(self.body - empty, 0) + air * self._parenchyma + np.minimum(0.8 * tree, air + 3)
        inside = (1 - self.patient.lung_density) * change.added
        return self.scanner.soft * (soft + inside + self._mimicked.soft) + self.scanner.bone * self._hard
