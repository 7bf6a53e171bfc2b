"""Pictures in ImageFolder layout: a folder a class, with or without split folders above them."""

from __future__ import annotations

from pathlib import Path

from course_utils.data.decode import IMAGE_SUFFIXES
from course_utils.data.listing import Entry, Listing
from course_utils.errors import CourseError

SPLIT_NAMES = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


def list_folder(root: Path) -> Listing:
    """List the pictures below ``root``.

    Args:
        root: Holds either class folders, or ``train`` and optionally ``val`` and ``test`` folders that
            hold the class folders.

    Raises:
        CourseError: No class folders, fewer than two, no pictures, or splits that disagree on the classes.
    """
    split_folders = {p: SPLIT_NAMES[p.name.lower()] for p in _folders(root) if p.name.lower() in SPLIT_NAMES}
    if split_folders and "train" not in split_folders.values():
        raise CourseError(
            f"{root} has {_names(split_folders)} but no train folder. Add one, or remove the others."
        )
    found = split_folders or {root: None}
    classes = _classes(root, found)
    labels = {name: label for label, name in enumerate(classes)}
    entries = [
        Entry(file.relative_to(root).as_posix(), labels[folder.name], split)
        for top, split in found.items()
        for folder in _folders(top)
        for file in _pictures(folder)
    ]
    return Listing(root.resolve().name, root, classes, tuple(entries))


def _classes(root: Path, found: dict[Path, str | None]) -> tuple[str, ...]:
    expected = "Expected one folder a class with pictures in it, e.g. sparrow/1.jpg and wren/1.jpg"
    in_split = {top: {p.name for p in _folders(top) if _pictures(p)} for top in found}
    train = next(names for top, names in in_split.items() if found[top] in (None, "train"))
    for top, names in in_split.items():
        if odd := sorted(names - train):
            raise CourseError(f"{top} has classes that {root / 'train'} lacks: {', '.join(odd[:5])}.")
    if len(train) < 2:
        inside = sum(1 for _ in root.iterdir())
        raise CourseError(
            f"{root} has {len(train)} class folders with pictures ({inside} items in all). {expected}."
        )
    return tuple(sorted(train))


def _folders(top: Path) -> list[Path]:
    try:
        return sorted(p for p in top.iterdir() if p.is_dir() and not p.name.startswith((".", "_")))
    except OSError as error:
        raise CourseError(
            f"{top} can't be listed: {error.strerror}. Check the path and its permissions."
        ) from error


def _pictures(folder: Path) -> list[Path]:
    found = (p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
    return sorted(p for p in found if p.is_file() and not p.name.startswith("."))


def _names(found: dict[Path, str]) -> str:
    return ", ".join(sorted(p.name for p in found))
