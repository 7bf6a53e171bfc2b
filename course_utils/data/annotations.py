"""What is known of the bundled birds beyond their names: annotations, masks, counterfactual twins."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import Tensor

from course_utils import paths
from course_utils.errors import CourseError

PLATE_NAMES = {"malar_stripe": "moustache", "supercilium": "brow", "flank_streaks": "streaked flanks"}
RESTORE = "Restore the folder data/fieldguide: git checkout -- data, or clone the course again."


@dataclass(frozen=True)
class Pair:
    """Two species that differ in one field mark and in nothing else.

    Attributes:
        classes: Class name of each: the species without the mark, the species with it.
        mark: Name of the field mark.
        grade: How hard the pair is meant to be.
    """

    classes: tuple[str, str]
    mark: str
    grade: str

    @property
    def mark_name(self) -> str:
        """The field mark as the plate of the field guide calls it."""
        return PLATE_NAMES.get(self.mark, self.mark.replace("_", " "))


@dataclass(frozen=True, eq=False)
class Twin:
    """The same picture twice, but for one field mark.

    Attributes:
        without: uint8 (3, S, S), RGB: the bird lacks the mark.
        with_mark: uint8 (3, S, S), RGB: the bird has it.
        changed: bool (S, S), the pixels in which the two differ: the mark.
        mask: bool (S, S), visible pixels of the bird.
        box: Left, top, right, bottom of the changed pixels in px; the last two exclusive.
        classes: Class name of each: the species without the mark, the species with it.
        mark: Name of the field mark.
        grade: How hard the pair is meant to be.
        seed: Of the picture; it occurs in no split.
    """

    without: Tensor
    with_mark: Tensor
    changed: Tensor
    mask: Tensor
    box: tuple[int, int, int, int]
    classes: tuple[str, str]
    mark: str
    grade: str
    seed: int


def load_annotations(folder: Path | None = None) -> pd.DataFrame:
    """One row a picture of the bundled birds, by its file as in ``ImageSet.files``.

    Points and the box are in px of the bundled picture (256 px a side), from the upper left corner; right
    and bottom are exclusive. ``class_name`` is the folder's name. What a species has no value for, such as
    the deciding mark of a bird without a look-alike, is missing (NaN or None).

    Args:
        folder: Folder of the data set; None means the bundled one.

    Raises:
        CourseError: The table is missing or damaged.
    """
    frame = _table(folder, "annotations.csv").set_index("path")
    frame.insert(1, "class_name", [Path(file).parent.name for file in frame.index])
    flags = [c for c in frame if c == "flip" or c.endswith("_visible")]
    return frame.astype(dict.fromkeys(flags, "boolean"))


def load_mask(file: str, folder: Path | None = None) -> Tensor:
    """The visible pixels of the bird in one of the bundled pictures: bool (256, 256).

    Args:
        file: The picture, as in ``ImageSet.files``.
        folder: Folder of the data set; None means the bundled one.

    Raises:
        CourseError: There is no mask of that picture.
    """
    return torch.from_numpy(_read(_root(folder) / "masks" / Path(file).with_suffix(".png")) > 0)


def load_pairs(folder: Path | None = None) -> list[Pair]:
    """The pairs of look-alikes among the bundled birds, in the order of the field guide.

    Args:
        folder: Folder of the data set; None means the bundled one.

    Raises:
        CourseError: The table of twins is missing or damaged.
    """
    rows = _table(folder, "twins.csv")[["without", "with", "mark", "grade"]].drop_duplicates()
    return [Pair((_class(a), _class(b)), mark, grade) for a, b, mark, grade in rows.itertuples(index=False)]


def load_twins(mark: str | None = None, folder: Path | None = None) -> list[Twin]:
    """The counterfactual twins, pair by pair.

    Args:
        mark: Only of the pairs that this mark tells apart, such as ``"wing_bars"``; None means all.
        folder: Folder of the data set; None means the bundled one.

    Raises:
        CourseError: No pair differs in that mark, or a file is missing.
    """
    table = _table(folder, "twins.csv")
    if mark is not None and mark not in set(table.mark):
        raise CourseError(
            f"No pair differs in {mark!r}; expected one of {', '.join(sorted(set(table.mark)))}."
        )
    rows = table if mark is None else table[table.mark == mark]
    return [_twin(row, _root(folder)) for row in rows.to_dict("records")]


def _twin(row: dict[str, object], root: Path) -> Twin:
    without, overlay = _read(root / row["path"]), _read(root / row["mark_path"], mode="RGBA")
    changed = overlay[..., 3] > 0
    with_mark = np.where(changed[..., None], overlay[..., :3], without)
    return Twin(
        *(torch.from_numpy(pixels).permute(2, 0, 1).contiguous() for pixels in (without, with_mark)),
        changed=torch.from_numpy(changed),
        mask=load_mask(row["path"], root),
        box=(row["left"], row["top"], row["right"], row["bottom"]),
        classes=(_class(row["without"]), _class(row["with"])),
        mark=row["mark"],
        grade=row["grade"],
        seed=row["seed"],
    )


def _class(species: str) -> str:
    return species.replace(" ", "_")


def _root(folder: Path | None) -> Path:
    return paths.data_dir() / "fieldguide" if folder is None else folder


def _table(folder: Path | None, name: str) -> pd.DataFrame:
    file = _root(folder) / name
    try:
        return pd.read_csv(file, keep_default_na=False, na_values=[""])
    except (OSError, ValueError) as error:
        raise CourseError(f"{file} can't be read ({error}). {RESTORE}") from error


def _read(file: Path, mode: str | None = None) -> np.ndarray:
    """A bundled file's pixels, (H, W) of a mask, (H, W, channels) of a picture."""
    try:
        with Image.open(file) as picture:
            bilevel = picture.mode == "1"
            return np.array(picture.convert("L" if bilevel else mode or "RGB"))
    except OSError as error:
        raise CourseError(f"{file} can't be read ({error}). {RESTORE}") from error
