"""Which pictures the bundled data set consists of: their files and their seeds.

::

    train|val|test/<Species>/<species>_<split>_<number>.webp          pictures, in ImageFolder layout
    masks/train|val|test/<Species>/<species>_<split>_<number>.png     visible pixels of the bird, 1 bit
    twins/<Without>-<With>/<number>.webp                              a bird that lacks the pair's mark
    twins/<Without>-<With>/<number>_mark.webp                         what the mark changes, else transparent
    masks/twins/<Without>-<With>/<number>.png                         visible pixels of that bird
    annotations.csv, twins.csv                                        a line for each picture, each twin
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from birds.pairs import PAIRS
from birds.species import SPECIES

SPLITS = ("train", "val", "test")
TWINS = "twins"
COUNTS: Mapping[str, int] = {"train": 100, "val": 20, "test": 40, TWINS: 20}
"""Pictures of each species in each split, and twins of each pair."""
SUBSETS = (5, 10, 20, 30, 50, 100)
"""Training pictures of each species at which the course measures."""


@dataclass(frozen=True)
class Job:
    """One picture to draw.

    Attributes:
        split: ``"train"``, ``"val"`` or ``"test"``.
        species: Place of the species in ``SPECIES``.
        index: Number of the picture within split and species.
    """

    split: str
    species: int
    index: int

    @property
    def path(self) -> str:
        """File below the data set's folder."""
        folder = SPECIES[self.species].folder
        return f"{self.split}/{folder}/{folder.lower()}_{self.split}_{self.index:03d}.webp"

    @property
    def seed(self) -> int:
        """Seed of the picture."""
        return picture_seed(self.split, self.species, self.index)


def picture_seed(part: str, place: int, index: int) -> int:
    """Seed of a picture, different for every part, place and index.

    Args:
        part: ``"train"``, ``"val"``, ``"test"`` or ``"twins"``.
        place: Place of the species in ``SPECIES``, or of the pair in ``PAIRS``, below 1,000.
        index: Number of the picture within part and place, below 10,000.

    Raises:
        ValueError: A number that is too large for a seed of its own.
    """
    if not (0 <= place < 1_000 and 0 <= index < 10_000):
        raise ValueError(f"Place {place} or index {index} is too large for a seed of its own.")
    return ((*SPLITS, TWINS).index(part) + 1) * 10_000_000 + place * 10_000 + index


def jobs(split: str, species: int, number: int) -> Iterator[Job]:
    """The pictures of one species in one split."""
    return (Job(split, species, index) for index in range(number))


def pair_folder(place: int) -> str:
    """Folder of a pair's twins, below the data set's folder."""
    without, with_mark = PAIRS[place][:2]
    return f"{TWINS}/{without.folder}-{with_mark.folder}"


def grade_of(place: int) -> str:
    """How hard a pair is meant to be."""
    return PAIRS[place][3]


def mask_path(path: str) -> str:
    """File of a picture's mask, below the data set's folder: ``masks/`` and the picture's own path, as .png."""
    return f"masks/{path.removesuffix('.webp')}.png"


def overlay_path(path: str) -> str:
    """File that holds the mark of a twin, below the data set's folder."""
    return f"{path.removesuffix('.webp')}_mark.webp"
