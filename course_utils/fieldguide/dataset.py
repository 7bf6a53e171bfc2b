"""Draw the bundled data set: ``python -m course_utils.fieldguide.dataset --out DIR``."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from PIL import Image

from course_utils.fieldguide.rendering import Rendering, render
from course_utils.fieldguide.species import SPECIES, Species
from course_utils.files import replacing

SPLITS = ("train", "val", "test")
PER_CLASS: Mapping[str, int] = {"train": 30, "val": 10, "test": 30}
WEBP_QUALITY = 85
PARTS = ("eye", "bill", "crown", "nape", "throat", "breast", "back", "belly", "wing", "tail", "foot")
COLUMNS = (
    *("path", "split", "species", "left", "top", "right", "bottom", "habitat", "mood", "perch", "pose"),
    *("flip", "visible_fraction"),
    *(f"{part}_{field}" for part in PARTS for field in ("x", "y", "visible")),
    "seed",
)
"""Columns of ``annotations.csv``."""


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


def picture_seed(split: str, species: int, index: int) -> int:
    """Seed of a picture, different for every split, species and index.

    Args:
        split: ``"train"``, ``"val"`` or ``"test"``.
        species: Place of the species in ``SPECIES``, below 1,000.
        index: Number of the picture within split and species, below 10,000.
    """
    if not (0 <= species < 1_000 and 0 <= index < 10_000):
        raise ValueError(f"Species {species} or index {index} is too large for a seed of its own.")
    return (SPLITS.index(split) + 1) * 10_000_000 + species * 10_000 + index


def jobs(per_class: Mapping[str, int] = PER_CLASS) -> Iterator[Job]:
    """All pictures of the data set, in the order of ``annotations.csv``."""
    for split in SPLITS:
        for species in range(len(SPECIES)):
            for index in range(per_class.get(split, 0)):
                yield Job(split, species, index)


def render_dataset(
    out: Path, *, per_class: Mapping[str, int] = PER_CLASS, size: int = 256, processes: int = 1
) -> Path:
    """Draw all pictures in ImageFolder layout, with ``annotations.csv``.

    Drawing again gives the same pictures. Each file is whole or absent.

    Args:
        out: Folder of the data set; created when missing.
        per_class: Pictures of each species in each split.
        size: Side of the pictures in px.
        processes: Processes that draw at the same time.

    Returns:
        The file with the annotations.
    """
    todo = [(job, out, size) for job in jobs(per_class)]
    if processes > 1:
        with get_context("spawn").Pool(processes) as pool:
            rows = pool.starmap(_draw, todo, chunksize=16)
    else:
        rows = [_draw(*arguments) for arguments in todo]
    annotations = out / "annotations.csv"
    with replacing(annotations) as file, file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return annotations


def _draw(job: Job, out: Path, size: int) -> dict[str, object]:
    species = SPECIES[job.species]
    rendering = render(species, job.seed, size=size)
    with replacing(out / job.path) as file:
        Image.fromarray(rendering.picture).save(file, "WEBP", quality=WEBP_QUALITY, method=6)
    return _row(job, species, rendering)


def _row(job: Job, species: Species, rendering: Rendering) -> dict[str, object]:
    notes = rendering.annotations
    row: dict[str, object] = {"path": job.path, "split": job.split, "species": species.name, "seed": job.seed}
    row |= dict(zip(("left", "top", "right", "bottom"), notes["box"], strict=True))
    row |= {name: notes[name] for name in ("habitat", "mood", "perch", "pose", "visible_fraction")}
    row["flip"] = int(notes["flip"])
    for part in PARTS:
        x, y, visible = notes["parts"][part]
        row |= {f"{part}_x": x, f"{part}_y": y, f"{part}_visible": int(visible)}
    return row


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Draw the bundled data set of invented birds.")
    parser.add_argument("--out", type=Path, required=True, help="folder of the data set")
    parser.add_argument("--size", type=int, default=256, help="side of the pictures in px")
    parser.add_argument("--processes", type=int, default=1, help="processes that draw at the same time")
    for split, count in PER_CLASS.items():
        parser.add_argument(f"--{split}", type=int, default=count, help=f"{split} pictures of each species")
    args = parser.parse_args()
    per_class = {split: getattr(args, split) for split in SPLITS}
    file = render_dataset(args.out, per_class=per_class, size=args.size, processes=args.processes)
    print(f"{sum(per_class.values()) * len(SPECIES)} pictures; annotations in {file}")


if __name__ == "__main__":
    main()
