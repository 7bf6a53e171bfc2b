"""What a data set on disk consists of, before anything is decoded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

SPLITS = ("train", "val", "test")
NAMED = 5
"""Of the files left out for one reason, so many are named in a note."""


@dataclass(frozen=True)
class Entry:
    """One picture: file relative to the data set's root, label, and the split it was published in, if any."""

    file: str
    label: int
    split: str | None = None


@dataclass(frozen=True)
class LeftOut:
    """A file, link or folder that is not used.

    Attributes:
        file: Relative to the data set's root.
        reason: The same words for all that are left out for the same reason.
        detail: What is said of this one alone.
    """

    file: str
    reason: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.file} ({self.detail})" if self.detail else self.file


@dataclass(frozen=True)
class Listing:
    """A data set on disk.

    Attributes:
        name: Of the data set.
        root: Its folder.
        classes: Class names.
        entries: Its pictures.
        left_out: Every other picture, link and class folder.
        passed_over: Files that are no pictures of anybody: hidden ones, those of the system, texts and tables.
    """

    name: str
    root: Path
    classes: tuple[str, ...]
    entries: tuple[Entry, ...]
    left_out: tuple[LeftOut, ...] = ()
    passed_over: tuple[str, ...] = ()


def report(name: str, left_out: Iterable[LeftOut]) -> str:
    """A note on what was left out of a data set: a line for each reason, with the first files."""
    by_reason = defaultdict(list)
    for item in left_out:
        by_reason[item.reason].append(item)
    lines = []
    for reason, items in by_reason.items():
        named = ", ".join(map(str, items[:NAMED]))
        more = f" and {len(items) - NAMED} more" if len(items) > NAMED else ""
        lines.append(f"\n  - {reason} ({len(items)}): {named}{more}")
    return f"Not used of {name}:{''.join(lines)}"
