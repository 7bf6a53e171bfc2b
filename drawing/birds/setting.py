"""Where and when: habitat, light, weather and perch, chosen before anything is known about the bird."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from birds.habitats import HABITATS, Habitat, Mood
from birds.pose import draw_flight
from birds.weather import draw_weather


@dataclass(frozen=True)
class Setting:
    """What surrounds the bird.

    Attributes:
        habitat: The background.
        mood: The light.
        weather: ``"clear"``, ``"mist"``, ``"rain"`` or ``"snow"``.
        perch: What the bird sits on; ``"none"`` when it flies.
        snow: Snow lies on perches.
    """

    habitat: Habitat
    mood: Mood
    weather: str
    perch: str
    snow: bool

    @property
    def flies(self) -> bool:
        """Whether there is nothing to sit on."""
        return self.perch == "none"

    @property
    def notes(self) -> dict[str, object]:
        """What the annotations say of it."""
        return {
            "habitat": self.habitat.name,
            "mood": self.mood.name,
            "weather": self.weather,
            "perch": self.perch,
        }


def draw_setting(rng: np.random.Generator, weather_rng: np.random.Generator) -> Setting:
    """Draw a setting from the streams of habitat and weather."""
    habitat = HABITATS[rng.integers(len(HABITATS))]
    mood = habitat.moods[rng.integers(len(habitat.moods))]
    perch = str(rng.choice(habitat.perches))
    snow = bool(habitat.snow and rng.random() < 0.8)
    if draw_flight(rng):
        perch = "none"
    weather = draw_weather(weather_rng, cold=habitat.snow)
    return Setting(habitat, mood, weather, perch, snow)
