"""The bird at hand: its anatomy, its colours and the random streams that draw it."""

from __future__ import annotations

from dataclasses import dataclass

from birds.anatomy import Anatomy
from birds.drawing import Array, mix
from birds.individual import Individual
from drawn_set.streams import Streams


@dataclass(frozen=True)
class PosedBird:
    """What all painting functions need to know about the bird at hand.

    Attributes:
        anatomy: Species (dressed as the individual), pose and geometry.
        individual: Sex, age, wear and colour.
        streams: Random streams of the picture.
    """

    anatomy: Anatomy
    individual: Individual
    streams: Streams

    def tract(self, name: str) -> Array:
        """Ground colour of a tract, such as ``"breast"``."""
        return self.individual.colour(self.anatomy.species.plumage.resolve(name))

    def mark(self, name: str) -> Array | None:
        """Colour of a field mark, or None if this bird lacks it."""
        colour = getattr(self.anatomy.species.marks, name)
        return None if colour is None else self.individual.colour(colour)

    def strong(self, colour: Array, ground: str) -> Array:
        """Colour of a mark on a tract: nearer to the tract in young and worn birds."""
        return mix(self.tract(ground), colour, self.individual.mark_strength)
