"""The tables of the data set, ``annotations.csv`` and ``twins.csv``: columns, lines, files."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from course_utils.files import replacing

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

Row = dict[str, str]


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


def read_table(file: Path, columns: Sequence[str]) -> list[Row]:
    """The lines of a table; none if it is missing or has other columns."""
    if not file.is_file():
        return []
    with file.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        return list(reader) if tuple(reader.fieldnames or ()) == tuple(columns) else []


def write_table(file: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Write a table in the order of its seeds, which is that of the field guide; whole or not at all."""
    with replacing(file) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(rows, key=lambda row: int(row["seed"])))
