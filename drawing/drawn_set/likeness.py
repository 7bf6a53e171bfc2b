"""Does a fresh drawing look like the bundled one? What ``check`` asks of birds and of scans.

On one platform the files are the same, byte for byte. Another version of Skia, of the WebP encoder or of the
processor's arithmetic may change pixels slightly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from drawn_set.tables import read_table

PIXEL_TOLERANCE = 1.0
"""Mean absolute difference between two pictures, of 255."""
MASK_TOLERANCE = 0.002
"""Share of a mask's pixels that may differ."""


def differences(
    drawn: Path, bundled: Path, tables: Mapping[str, tuple[Sequence[str], Sequence[str]]]
) -> Iterator[str]:
    """What of a drawing is not as in the bundled set, in words; nothing where all is alike.

    Args:
        drawn: Folder of the drawing, which may be a part of the set.
        bundled: Folder of the set.
        tables: Columns of each of its tables, and those that must be the same.
    """
    for file in sorted(f.relative_to(drawn) for f in drawn.rglob("*") if f.suffix in (".webp", ".png")):
        if not (bundled / file).is_file():
            yield f"{file.as_posix()} is not among the bundled pictures"
            continue
        found = difference(drawn / file, bundled / file)
        limit, unit = (
            (MASK_TOLERANCE, "of the mask") if file.suffix == ".png" else (PIXEL_TOLERANCE, "of 255")
        )
        if found > limit:
            yield f"{file.as_posix()} differs by {found:.3g} {unit}; at most {limit:g} is allowed"
    for name, (columns, steady) in tables.items():
        listed = {row["path"]: row for row in read_table(bundled / name, columns)}
        for row in read_table(drawn / name, columns):
            other = listed.get(row["path"], {})
            unlike = [column for column in steady if row[column] != other.get(column)]
            if unlike:
                yield f"{name}: {row['path']} differs in {', '.join(unlike)}"


def difference(first: Path, second: Path) -> float:
    """Mean absolute difference of two pictures, of 255; of two masks, the share of pixels that differ."""
    a, b = _pixels(first), _pixels(second)
    if a.shape != b.shape:
        return float("inf")
    apart = np.abs(a - b)
    return float((apart.max(axis=2) > 0).mean() if first.suffix == ".png" else apart.mean())


def _pixels(file: Path) -> np.ndarray:
    with Image.open(file) as picture:
        return np.asarray(picture.convert("RGBA"), int)
