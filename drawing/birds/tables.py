"""The tables of the birds, ``annotations.csv`` and ``twins.csv``: columns and lines."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from drawn_set.tables import Row

BOX = ("left", "top", "right", "bottom")
PARTS = ("eye", "bill", "crown", "nape", "throat", "breast", "back", "belly", "wing", "tail", "foot")
INDIVIDUAL = ("sex", "age", "wear", "mark_extent", "mark_tone")
SCENE = ("habitat", "mood", "weather", "perch", "pose", "flip", "distance", "visible_fraction")
MARK = ("mark", "mark_pixels", "mark_visible")
ANNOTATION_COLUMNS = (
    *("path", "split", "species", *BOX, *INDIVIDUAL, *SCENE, *MARK),
    *(f"{part}_{field}" for part in PARTS for field in ("x", "y", "visible")),
    "seed",
)
"""Columns of ``annotations.csv``."""
TWIN_COLUMNS = ("path", "mark_path", "without", "with", "mark", "grade", *BOX, "changed_pixels", "seed")
"""Columns of ``twins.csv``; the box bounds the changed pixels."""
DRAWN_FROM_THE_SEED = {
    "annotations.csv": (ANNOTATION_COLUMNS, ("species", "seed", "habitat", "pose", "perch", *BOX, "mark")),
    "twins.csv": (TWIN_COLUMNS, ("without", "with", "mark", "seed")),
}
"""Columns of each table, and those that must be the same everywhere."""


def annotation_row(path: str, notes: Mapping[str, object]) -> Row:
    """The line of one picture, from what the renderer says of it.

    True is 1, False is 0; what does not apply is empty, such as the mark of a species without a look-alike.
    """
    row = {"path": path, "split": path.partition("/")[0], "species": notes["species"], "seed": notes["seed"]}
    row |= dict(zip(BOX, notes["box"], strict=True))
    row |= {name: notes[name] for name in (*INDIVIDUAL, *SCENE, *MARK)}
    if not row["mark"]:
        row |= dict.fromkeys(MARK)
    for part in PARTS:
        row |= {
            f"{part}_{field}": value
            for field, value in zip(("x", "y", "visible"), notes["parts"][part], strict=True)
        }
    return {column: _text(row[column]) for column in ANNOTATION_COLUMNS}


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, bool | np.bool_) else str(value)
