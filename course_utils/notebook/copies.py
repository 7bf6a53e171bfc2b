"""A learner's own copies of the lessons: made once, never written over, restored one at a time."""

from __future__ import annotations

import json
import shutil
from itertools import count
from pathlib import Path

from course_utils import paths
from course_utils.errors import CourseError
from course_utils.files import check_folder, replacing
from course_utils.notebook.runner import find_lessons

FIRST = "00_start_here.ipynb"


def copy_lessons(folder: Path) -> tuple[list[Path], list[Path]]:
    """Copy lessons, solutions and the glossary into a folder; what is there already stays.

    Args:
        folder: Is made if need be.

    Returns:
        The files that are new, and a learner's lessons that were made for another version of the course.

    Raises:
        CourseError: The folder can't be written to.
    """
    source = paths.notebooks_dir()
    files = sorted(
        [*source.glob("[0-9]*.ipynb"), *source.glob("*.md"), *source.glob("solutions/[0-9]*.ipynb")]
    )
    pairs = [(file, folder / file.relative_to(source)) for file in files]
    missing = [(file, own) for file, own in pairs if not own.exists()]
    if missing:
        check_folder(folder)
    for file, own in missing:
        _copy(file, own)
    stale = [own for file, own in pairs if file.suffix == ".ipynb" and _lesson_of(own) != _lesson_of(file)]
    return [own for _, own in missing], stale


def reset_lesson(name: str, folder: Path) -> tuple[Path, Path | None]:
    """Put the course's own form of a lesson into a learner's folder, and keep the learner's beside it.

    Args:
        name: A number such as ``"03"``, or a lesson's name.
        folder: Where the copies lie.

    Returns:
        The lesson, and what was kept; None if there was nothing, or nothing that differs.

    Raises:
        CourseError: An unknown lesson, or a folder that can't be written to.
    """
    (file,) = find_lessons([name], paths.notebooks_dir())
    own = folder / file.name
    check_folder(folder)
    kept = None
    if own.exists() and own.read_bytes() != file.read_bytes():
        names = (folder / f"{file.stem}.kept-{number}.ipynb" for number in count(1))
        kept = next(path for path in names if not path.exists())
        _copy(own, kept)
    _copy(file, own)
    return own, kept


def _copy(source: Path, target: Path) -> None:
    try:
        with replacing(target) as temporary:
            shutil.copyfile(source, temporary)
    except OSError as error:
        raise CourseError(
            f"{target} can't be written ({error.strerror or error}). Choose another folder."
        ) from error


def _lesson_of(notebook: Path) -> str:
    """What says which form of a lesson a notebook was built from; empty where it says nothing."""
    try:
        found = json.loads(notebook.read_text(encoding="utf-8"))
        return str(found["metadata"]["borrowed_feathers"]["source_sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
