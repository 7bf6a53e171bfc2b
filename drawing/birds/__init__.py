"""The course's own birds: invented species, described as data and drawn on demand.

``SPECIES`` is the field guide. ``render(species, seed)`` draws one picture of a species, with its mask
and annotations; the same seed gives the same picture. Drawing needs skia-python (the extra ``draw``);
the description of the species does not, nor does anything in the lessons: the pictures are bundled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from birds.pairs import PAIRS
from birds.species import SPECIES

if TYPE_CHECKING:
    from birds.rendering import render

__all__ = ["PAIRS", "SPECIES", "render"]


def __getattr__(name: str) -> object:
    """Import the drawing code when ``render`` is first asked for."""
    if name == "render":
        from birds.rendering import render

        return render
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
