"""The tables of a data set: a line for each picture."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from course_utils.files import replacing

Row = dict[str, str]


def read_table(file: Path, columns: Sequence[str]) -> list[Row]:
    """The lines of a table; none if it is missing or has other columns."""
    if not file.is_file():
        return []
    with file.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        return list(reader) if tuple(reader.fieldnames or ()) == tuple(columns) else []


def write_table(file: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Write a table in the order of its seeds, which is that of the set; whole or not at all."""
    with replacing(file) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(rows, key=lambda row: int(row["seed"])))
