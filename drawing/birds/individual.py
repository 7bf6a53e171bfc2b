"""One bird of a species: its sex, its age, the state of its plumage, its own shade of colour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from birds.drawing import Array, rgb
from birds.traits import Species

FEMALE_SHARE, JUVENILE_SHARE = 0.5, 0.25
MARK_EXTENT, MARK_TONE = (0.5, 1.0), (0.65, 1.0)
WEARS = ("fresh", "worn", "moulting")


@dataclass(frozen=True)
class Individual:
    """How one bird departs from the adult male in fresh plumage.

    Attributes:
        sex: ``"male"``, ``"female"``, or ``"unsexed"`` where the sexes look alike and in juveniles.
        age: ``"adult"`` or ``"juvenile"``.
        wear: ``"fresh"``, ``"worn"`` (bleached, frayed, edges abraded) or ``"moulting"`` (feathers missing
            or growing in wing and tail).
        saturation: Factor on the distance of a colour from grey.
        brightness: Factors on red, green and blue, close to each other.
        mark_extent: Width of its field marks as a share of the widest in the species.
        mark_tone: Opacity of its field marks in fresh plumage: below 1 the ground shows through.
    """

    sex: str = "male"
    age: str = "adult"
    wear: str = "fresh"
    saturation: float = 1.0
    brightness: tuple[float, float, float] = (1.0, 1.0, 1.0)
    mark_extent: float = 1.0
    mark_tone: float = 1.0

    @classmethod
    def draw(cls, species: Species, rng: np.random.Generator) -> Individual:
        """Draw an individual; what is drawn from the stream is the same for every species."""
        female, juvenile = rng.random() < FEMALE_SHARE, rng.random() < JUVENILE_SHARE
        wear = str(rng.choice(WEARS, p=(0.62, 0.23, 0.15)))
        saturation = float(np.clip(rng.normal(1, 0.13), 0.7, 1.25))
        brightness = 1 + rng.normal(0, 0.06) + rng.normal(0, 0.015, 3)
        extent, tone = rng.uniform(*MARK_EXTENT), rng.uniform(*MARK_TONE)
        if wear == "worn":
            saturation, brightness = saturation * 0.86, brightness * 1.04
        alike = juvenile or species.female is None
        return cls(
            sex="unsexed" if alike else "female" if female else "male",
            age="juvenile" if juvenile else "adult",
            wear=wear,
            saturation=saturation,
            brightness=tuple(brightness.tolist()),
            mark_extent=extent,
            mark_tone=tone,
        )

    def dress(self, species: Species) -> Species:
        """The species as this individual wears it."""
        if self.age == "juvenile":
            return species.dressed(species.juvenile)
        return species.dressed(species.female) if self.sex == "female" and species.female else species

    def colour(self, colour: str | ArrayLike) -> Array:
        """This individual's version of a species' colour, 0 to 1."""
        plain = rgb(colour)
        grey = plain.mean()
        return np.clip((grey + (plain - grey) * self.saturation) * np.array(self.brightness), 0, 1)

    @property
    def mark_strength(self) -> float:
        """Opacity of field marks: duller in juveniles and in worn plumage, never gone."""
        faded = (0.88 if self.age == "juvenile" else 1.0) * (0.92 if self.wear == "worn" else 1.0)
        return self.mark_tone * faded

    @property
    def edge_strength(self) -> float:
        """Factor on the opacity of the pale edges of feathers: they wear off."""
        return {"fresh": 1.0, "worn": 0.45, "moulting": 0.8}[self.wear] * (
            1.3 if self.age == "juvenile" else 1.0
        )
