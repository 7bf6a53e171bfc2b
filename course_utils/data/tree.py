"""All that lies below a folder: pictures, what can't be used and why, and what is nobody's picture."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from course_utils.data.decode import OTHER_IMAGES, is_picture
from course_utils.errors import CourseError

SYSTEM_FOLDERS = frozenset(
    (
        "__MACOSX",
        "@eaDir",
        "@Recycle",
        "@Recently-Snapshot",
        "#recycle",
        "$RECYCLE.BIN",
        "System Volume Information",
    )
)
SYSTEM_FILES = frozenset(("Thumbs.db", "desktop.ini"))
SET_ASIDE = ("_", "@", "$")
TEXTS = frozenset(
    [
        ".cfg",
        ".csv",
        ".html",
        ".ipynb",
        ".json",
        ".jsonl",
        ".md",
        ".py",
        ".toml",
        ".tsv",
        ".txt",
        ".xml",
        ".yaml",
        ".yml",
    ]
)
LINKS_FOLLOWED = 2
"""Folders that may be links, counted from the root: a split and a class. Links further down could go in circles."""


@dataclass
class Folder:
    """What lies in a folder.

    Attributes:
        path: Its path.
        folders: Those in it, except for the system's and those set aside.
        pictures: Files in it that can be read, by their suffix or by their first bytes.
        left_out: Files, links and folders in it that are not used, with the reason.
        passed_over: Files in it that are nobody's pictures: the system's, hidden ones, texts and tables.
    """

    path: Path
    folders: list[Folder] = field(default_factory=list)
    pictures: list[Path] = field(default_factory=list)
    left_out: dict[Path, str] = field(default_factory=dict)
    passed_over: list[Path] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The same however its accents are stored."""
        return unicodedata.normalize("NFC", self.path.name)

    @property
    def pictures_below(self) -> list[Path]:
        """Its pictures and those of all folders in it."""
        return [*self.pictures, *(file for folder in self.folders for file in folder.pictures_below)]

    @property
    def holds_folders(self) -> bool:
        """Whether its pictures are all in folders."""
        return not self.pictures and bool(self.pictures_below)

    def __iter__(self) -> Iterator[Folder]:
        yield self
        for folder in self.folders:
            yield from folder


def read_tree(path: Path, above: tuple[Path, ...] = ()) -> Folder:
    """Read a folder and all below it, in the order of their names.

    Args:
        path: The folder.
        above: The real paths of the folders that it lies in, from the data set's root on.

    Raises:
        CourseError: A folder can't be listed, or one has two folders of one name, whose accents are stored in two ways.
    """
    found, first = Folder(path), {}
    above = (*above, path.resolve())
    for item in _items(path):
        if item.name in SYSTEM_FOLDERS | SYSTEM_FILES or item.name.startswith("."):
            found.passed_over += _files(item)
        elif not item.is_dir():
            _sort_in(item, found)
        elif item.name.startswith(SET_ASIDE):
            reason = f"in a folder whose name begins with {item.name[0]} (rename it to use them)"
            found.left_out |= dict.fromkeys(_files(item) or [item], reason)
        elif item.is_symlink() and (item.resolve() in above or len(above) > LINKS_FOLLOWED):
            found.left_out[item] = "links to folders that are not followed (a split or a class may be a link)"
        else:
            folder = read_tree(item, above)
            if first.setdefault(folder.name, folder) is not folder:
                raise CourseError(
                    f"{path} has two folders {folder.name!r}, whose accents are stored in two ways. Merge them."
                )
            found.folders.append(folder)
    return found


def _items(path: Path) -> list[Path]:
    try:
        return sorted(path.iterdir())
    except OSError as error:
        raise CourseError(
            f"{path} can't be listed: {error.strerror}. Check the path and its permissions."
        ) from error


def _files(item: Path) -> list[Path]:
    """All files and links in a folder that is not looked into; otherwise the item itself."""
    if not item.is_dir() or item.is_symlink():
        return [item]
    return [
        Path(inside, name)
        for inside, folders, files in os.walk(item)
        for name in sorted((*files, *(folder for folder in folders if Path(inside, folder).is_symlink())))
    ]


def _sort_in(file: Path, found: Folder) -> None:
    suffix = file.suffix.lower()
    if not file.exists():
        found.left_out[file] = "links that lead nowhere"
    elif suffix in TEXTS:
        found.passed_over.append(file)
    elif is_picture(file):
        found.pictures.append(file)
    elif suffix in OTHER_IMAGES:
        found.left_out[file] = f"{suffix} files, a kind that can't be read (convert them to JPEG)"
    else:
        found.left_out[file] = "files that are no pictures"
