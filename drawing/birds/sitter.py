"""The bird of a picture, posed, framed and painted, and where its deciding mark shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from birds.anatomy import Anatomy
from birds.bird import paint_bird
from birds.camera import Framing, frame
from birds.drawing import Array
from birds.flight import wing_extent
from birds.individual import Individual
from birds.pairs import deciding_mark
from birds.pose import Pose, draw_pose
from birds.posed_bird import PosedBird
from birds.raster import Layer
from birds.setting import Setting
from birds.traits import Species
from drawn_set.streams import Streams

CLEAR = 0.13
"""Difference in a channel, 0 to 1, from which a pixel clearly shows the mark."""
ENOUGH = 22
"""Pixels at 224 px that the mark should cover before anything stands in front of it."""
TRIES = 5


@dataclass(frozen=True, eq=False)
class Sitter:
    """A painted bird, not yet lit.

    Attributes:
        anatomy: Its geometry.
        individual: Sex, age and wear.
        framing: From units to pixels.
        layer: The painted bird.
        mark_name: The deciding mark, ``""`` for a species without a look-alike.
        gap: (size, size), 0 to 1: how much the bird and its look-alike differ in a pixel.
    """

    anatomy: Anatomy
    individual: Individual
    framing: Framing
    layer: Layer
    mark_name: str
    gap: Array

    @property
    def mark(self) -> Array:
        """bool (size, size): pixels that clearly show the mark, before light and camera."""
        return self.gap >= CLEAR

    @property
    def waterline(self) -> float:
        """Height of water around the bird, in px from the top: swimmers float, others stand."""
        anatomy = self.anatomy
        depth = (
            anatomy.at(-4, -11.5 * anatomy.depth)
            if anatomy.species.build.swims
            else anatomy.foot - np.array([0, 0.22 * anatomy.species.build.leg_length])
        )
        return float(self.framing.to_pixels(depth)[1])


def draw_sitter(species: Species, setting: Setting, streams: Streams, size: int) -> Sitter:
    """Pose and paint a bird, in another pose if its deciding mark wouldn't show.

    What decides is the difference between the two members of a pair, so both take the same pose.
    """
    name, twin = deciding_mark(species)
    individual = Individual.draw(species, streams("individual"))
    rng = streams("pose")
    best: Sitter | None = None
    for _ in range(TRIES):
        pose = draw_pose(species.build, name, rng, flies=setting.flies)
        sitter = _paint(species, twin, pose, individual, streams, size)
        if best is None or sitter.mark.sum() > best.mark.sum():
            best = sitter
        if twin is None or best.mark.sum() * (224 / size) ** 2 >= ENOUGH:
            break
    return best


def _paint(
    species: Species, twin: Species | None, pose: Pose, individual: Individual, streams: Streams, size: int
) -> Sitter:
    anatomy = Anatomy(individual.dress(species), pose)
    extent = np.concatenate([anatomy.extent, wing_extent(anatomy)]) if pose.flies else anatomy.extent
    framing = frame(extent, anatomy.length, streams("framing"), size)
    layer = paint_layer(anatomy, individual, framing, streams, size)
    gap = np.zeros((size, size), np.float32)
    name, _ = deciding_mark(species)
    if twin is not None:
        other = anatomy.worn_by(individual.dress(twin))
        colours = paint_layer(other, individual, framing, streams, size).colour
        gap = np.abs(colours - layer.colour).max(axis=2)
    return Sitter(anatomy, individual, framing, layer, name, gap)


def paint_layer(
    anatomy: Anatomy, individual: Individual, framing: Framing, streams: Streams, size: int
) -> Layer:
    """Paint a bird, unlit, on a layer of its own."""
    layer = Layer(size)
    layer.canvas.concat(framing.matrix)
    paint_bird(layer, PosedBird(anatomy, individual, streams))
    return layer
