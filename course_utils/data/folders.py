"""Pictures in ImageFolder layout: a folder a class, with or without split folders above them."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from course_utils.data.decode import IMAGE_SUFFIXES, OTHER_IMAGES
from course_utils.data.listing import Entry, Listing
from course_utils.errors import CourseError

SPLIT_NAMES = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
SYSTEM_PREFIXES = (".", "_", "@", "$")


def list_folder(root: Path) -> Listing:
    """List the pictures below ``root``.

    Folders of the system at any depth (``.thumbnails``, ``__MACOSX``, ``@eaDir``, ``$RECYCLE.BIN``) and
    hidden files are passed over. A class folder may be a link; links to folders inside it are not followed. A name
    is the same however its accents are stored (NFC or NFD, as macOS does it). Pictures of kinds that can't be
    decoded, such as a phone's .heic, are left out and reported.

    Args:
        root: Holds either class folders, or ``train`` and optionally ``val`` and ``test`` folders that
            hold the class folders.

    Raises:
        CourseError: No class folders, fewer than two, no pictures, two folders for one split, or splits that
            disagree on the classes, or two folders for one class.
    """
    split_folders = _split_folders(root)
    if split_folders and "train" not in split_folders.values():
        raise CourseError(
            f"{root} has {_names(split_folders)} but no train folder. Add one, or remove the others."
        )
    found = split_folders or {root: None}
    classes = _classes(root, found)
    labels = {name: label for label, name in enumerate(classes)}
    entries = [
        Entry(file.relative_to(root).as_posix(), labels[_name(folder)], split)
        for top, split in found.items()
        for folder in _folders(top)
        for file in _pictures(folder)
    ]
    others = [
        f"{file.relative_to(root).as_posix()} is of a kind that can't be read; convert it to JPEG."
        for file in _other_pictures(found)
    ]
    return Listing(root.resolve().name, root, classes, tuple(entries), tuple(others))


def _split_folders(root: Path) -> dict[Path, str]:
    by_split = defaultdict(list)
    for folder in _folders(root):
        if split := SPLIT_NAMES.get(folder.name.lower()):
            by_split[split].append(folder)
    for split, twins in by_split.items():
        if len(twins) > 1:
            raise CourseError(
                f"{root} has {len(twins)} folders for {split}: {_names(twins)}. Expected one; merge or rename them."
            )
    return {twins[0]: split for split, twins in by_split.items()}


def _classes(root: Path, found: dict[Path, str | None]) -> tuple[str, ...]:
    expected = "Expected one folder a class with pictures in it, e.g. sparrow/1.jpg and wren/1.jpg"
    in_split = {top: {_name(p) for p in _folders(top) if _pictures(p)} for top in found}
    first = next(top for top in found if found[top] in (None, "train"))
    train = in_split[first]
    for top, names in in_split.items():
        if odd := sorted(names - train):
            raise CourseError(f"{top} has classes that {first} lacks: {', '.join(odd[:5])}.")
    if len(train) < 2:
        inside = sum(1 for _ in root.iterdir())
        kinds = ", ".join(sorted({file.suffix.lower() for file in _other_pictures(found)}))
        convert = f" Pictures of the kind {kinds} can't be read; convert them to JPEG." if kinds else ""
        raise CourseError(
            f"{root} has {len(train)} class folders with pictures ({inside} items in all). {expected}.{convert}"
        )
    return tuple(sorted(train))


def _name(folder: Path) -> str:
    return unicodedata.normalize("NFC", folder.name)


def _folders(top: Path) -> list[Path]:
    try:
        found = sorted(p for p in top.iterdir() if p.is_dir() and not p.name.startswith(SYSTEM_PREFIXES))
    except OSError as error:
        _refuse(error)
    first: dict[str, Path] = {}
    for folder in found:
        if first.setdefault(_name(folder), folder) is not folder:
            raise CourseError(
                f"{top} has two folders {_name(folder)!r}, whose accents are stored in two ways. Merge them."
            )
    return found


def _pictures(folder: Path) -> list[Path]:
    return [p for p in _files(folder) if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file()]


def _other_pictures(tops: Iterable[Path]) -> list[Path]:
    return [
        file
        for top in tops
        for folder in _folders(top)
        for file in _files(folder)
        if file.suffix.lower() in OTHER_IMAGES
    ]


def _files(folder: Path) -> list[Path]:
    found = []
    for inside, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith(SYSTEM_PREFIXES)]
        # Cameras call their pictures _DSC0001.jpg: of files, only hidden ones are passed over.
        found += [Path(inside, name) for name in files if not name.startswith(".")]
    return sorted(found)


def _refuse(error: OSError) -> NoReturn:
    raise CourseError(
        f"{error.filename} can't be listed: {error.strerror}. Check the path and its permissions."
    ) from error


def _names(found: Iterable[Path]) -> str:
    return ", ".join(sorted(p.name for p in found))
