"""Counterfactual twins: the same picture without and with the one field mark that tells a pair apart."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from birds.layout import TWINS, grade_of, mask_path, overlay_path, pair_folder, picture_seed
from birds.pairs import PAIRS
from birds.rendering import Rendering, render
from birds.tables import BOX, TWIN_COLUMNS
from course_utils.errors import CourseError
from course_utils.files import replacing
from drawn_set.pictures import save_mask, save_picture, webp
from drawn_set.tables import Row

TRIES = 5
"""Seeds that may be tried for each twin that is asked for."""
LEAST_CHANGE = 3
"""Levels of 255 by which a pixel must change: less is the rounding of light and mist."""
EDGE = 3
"""How far a bird's soft edge reaches beyond the box of its mask, in px."""


def draw_twins(place: int, number: int, out: Path, size: int) -> list[Row]:
    """Draw the twins of one pair, of birds whose mark can be seen and is not mirrored in water.

    Both pictures are compressed alike; of the second only the pixels that the mark changed are kept, as an
    overlay without further loss. So two twins are equal to the bit wherever the mark is not, which two
    compressed pictures never are.

    Args:
        place: Of the pair in ``PAIRS``.
        number: Twins to draw.
        out: Folder of the data set.
        size: Side of the pictures in px.

    Returns:
        Their lines in ``twins.csv``.

    Raises:
        CourseError: The mark is hidden or mirrored too often to find that many.
    """
    rows: list[Row] = []
    for index in range(TRIES * number):
        if len(rows) == number:
            break
        seed = picture_seed(TWINS, place, index)
        with_mark = render(PAIRS[place][1], seed, size=size)
        if not with_mark.annotations["mark_visible"]:
            continue
        without = render(PAIRS[place][0], seed, size=size)
        changed = _changed(without, with_mark)
        if not (changed & ~_near(without.mask)).any():
            rows.append(_save(place, len(rows), out, without, with_mark, changed))
    if len(rows) < number:
        raise CourseError(
            f"{PAIRS[place][2]} shows, and in the bird alone, in {len(rows)} of {TRIES * number} pictures only."
        )
    return rows


def _changed(without: Rendering, with_mark: Rendering) -> np.ndarray:
    """Pixels of the mark, bool (size, size)."""
    difference = np.abs(without.picture.astype(int) - with_mark.picture).max(axis=2)
    return difference >= LEAST_CHANGE


def _box(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _near(mask: np.ndarray) -> np.ndarray:
    """The box of a bird and its soft edge, bool (size, size)."""
    left, top, right, bottom = _box(mask)
    near = np.zeros_like(mask)
    near[max(0, top - EDGE) : bottom + EDGE, max(0, left - EDGE) : right + EDGE] = True
    return near


def _save(
    place: int, index: int, out: Path, without: Rendering, with_mark: Rendering, changed: np.ndarray
) -> Row:
    path = f"{pair_folder(place)}/{index:02d}.webp"
    save_picture(out / path, without.picture)
    save_mask(out / mask_path(path), without.mask)
    with Image.open(io.BytesIO(webp(with_mark.picture))) as compressed:
        pixels = np.asarray(compressed.convert("RGB"))
    overlay = np.dstack([pixels, changed.astype(np.uint8) * 255])
    with replacing(out / overlay_path(path)) as file:
        Image.fromarray(overlay).save(file, "WEBP", lossless=True, method=6)
    first, second, mark = PAIRS[place][:3]
    values = (path, overlay_path(path), first.name, second.name, mark, grade_of(place))
    row = dict(zip(TWIN_COLUMNS, values, strict=False)) | dict(zip(BOX, map(str, _box(changed)), strict=True))
    return row | {"changed_pixels": str(changed.sum()), "seed": str(without.annotations["seed"])}
