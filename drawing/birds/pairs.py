"""Which species look alike, and by which field mark they are told apart."""

from __future__ import annotations

from birds.species import SPECIES
from birds.traits import Species


def _pair(name: str, look_alike: str, mark: str, grade: str) -> tuple[Species, Species, str, str]:
    by_name = {species.name: species for species in SPECIES}
    return by_name[name], by_name[look_alike], mark, grade


PAIRS: tuple[tuple[Species, Species, str, str], ...] = (
    _pair("Citrine Leafling", "Barred Leafling", "wing_bars", "easy"),
    _pair("Pale Shorelet", "Banded Shorelet", "breast_band", "easy"),
    _pair("Slate Windfalcon", "Moustached Windfalcon", "malar_stripe", "medium"),
    _pair("Sooty Capling", "Frostwing Capling", "wing_panel", "medium"),
    _pair("Plain Hazelthrush", "Browed Hazelthrush", "supercilium", "medium"),
    _pair("Garnet Hedgefinch", "Streaked Hedgefinch", "flank_streaks", "hard"),
    _pair("Ashen Duskling", "Ringed Duskling", "eye_ring", "hard"),
)
"""Look-alikes, the field mark that decides, and how hard it is to see: ``"easy"``, ``"medium"``, ``"hard"``.

The second of each pair has the mark, the first lacks it.
"""


def deciding_mark(species: Species) -> tuple[str, Species | None]:
    """The mark that decides between a species and its look-alike, and that look-alike.

    Returns:
        The name of the mark and the other species; ``("", None)`` for a species of no pair.
    """
    for without, with_mark, mark, _ in PAIRS:
        if species == without:
            return mark, with_mark
        if species == with_mark:
            return mark, without
    return "", None
