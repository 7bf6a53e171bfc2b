"""A random stream of its own for each component of a picture."""

from __future__ import annotations

import zlib

import numpy as np


class Streams:
    """Random streams by name, all derived from one seed.

    ``streams("perch")`` starts the stream of that name from its beginning, whatever else was drawn. So a
    component's random choices depend on the seed and on its name only: another field mark, or a change in
    how the habitat is drawn, moves nothing else in the picture.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __call__(self, component: str) -> np.random.Generator:
        """Start the stream of a component.

        Args:
            component: Its name, such as ``"habitat"`` or ``"plumage.flank_streaks"``.
        """
        key = zlib.crc32(component.encode())
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(key,)))
