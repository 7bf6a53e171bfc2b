"""What a data set on disk consists of, before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Entry:
    """One picture: file relative to the data set's root, label, and the split it was published in, if any."""

    file: str
    label: int
    split: str | None = None


@dataclass(frozen=True)
class Listing:
    """A data set on disk; ``left_out`` says of each picture that can't be one of it why."""

    name: str
    root: Path
    classes: tuple[str, ...]
    entries: tuple[Entry, ...]
    left_out: tuple[str, ...] = ()
