"""One individual: its anatomy, its colours and the random streams that draw it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from course_utils.fieldguide.anatomy import Anatomy
from course_utils.fieldguide.drawing import Array, rgb
from course_utils.fieldguide.streams import Streams


@dataclass(frozen=True)
class Dye:
    """How the plumage of one individual departs from the species: wear, age, season.

    Attributes:
        saturation: Factor on the distance from grey.
        brightness: Factors on red, green and blue, close to each other.
    """

    saturation: float
    brightness: Array

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Dye:
        """Draw an individual."""
        return cls(
            float(np.clip(rng.normal(1, 0.10), 0.8, 1.2)), 1 + rng.normal(0, 0.05) + rng.normal(0, 0.012, 3)
        )

    def __call__(self, colour: str | ArrayLike) -> Array:
        """This individual's version of a species' colour."""
        plain = rgb(colour)
        grey = plain.mean()
        return np.clip((grey + (plain - grey) * self.saturation) * self.brightness, 0, 1)


@dataclass(frozen=True)
class Subject:
    """What all painting functions need to know about the bird at hand.

    Attributes:
        anatomy: Species, pose and geometry.
        dye: Individual colour.
        streams: Random streams of the picture.
    """

    anatomy: Anatomy
    dye: Dye
    streams: Streams

    def tract(self, name: str) -> Array:
        """Ground colour of a tract, such as ``"breast"``."""
        return self.dye(self.anatomy.species.plumage.resolve(name))

    def mark(self, name: str) -> Array | None:
        """Colour of a field mark, or None if the species lacks it."""
        colour = getattr(self.anatomy.species.marks, name)
        return None if colour is None else self.dye(colour)
