"""Where the course finds its files and keeps what it computes."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path

from course_utils.errors import CourseError

_PACKAGE = Path(__file__).resolve().parent


def course_root() -> Path:
    """Folder that holds ``data/`` and ``notebooks/``: a clone of the course, or the installed copy.

    Raises:
        CourseError: Neither is there.
    """
    for root in (_PACKAGE.parent, _PACKAGE / "_bundled"):
        if (root / "data").is_dir() and (root / "notebooks").is_dir():
            return root
    raise CourseError(
        f"The course's data/ and notebooks/ folders are missing beside {_PACKAGE.name}/. "
        "Clone the repository again, or reinstall the package."
    )


def data_dir() -> Path:
    """Folder of the bundled data sets."""
    return course_root() / "data"


def notebooks_dir() -> Path:
    """Folder of the built lessons."""
    return course_root() / "notebooks"


def cache_dir(*parts: str) -> Path:
    """Folder for what can be computed again, created on demand.

    ``COURSE_CACHE`` names it when set; otherwise it is the platform's user cache folder.

    Args:
        *parts: Sub-folders below the cache.

    Raises:
        CourseError: The folder can't be created.
    """
    chosen = os.environ.get("COURSE_CACHE")
    root = Path(chosen).expanduser() if chosen else user_cache_path("borrowed-feathers")
    folder = root.joinpath(*parts)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CourseError(
            f"The cache folder {folder} can't be created ({error.strerror}). "
            "Set COURSE_CACHE to a folder you may write to."
        ) from error
    return folder


def runs_dir() -> Path:
    """Folder for what a run of the course produces (executed lessons, scoreboard): ``COURSE_RUNS`` when
    set, else ``build/`` under the folder of ``notebooks/`` if that is writable, else the cache."""
    chosen = os.environ.get("COURSE_RUNS")
    folder = Path(chosen).expanduser() if chosen else course_root() / "build"
    if not chosen and not os.access(folder if folder.exists() else folder.parent, os.W_OK):
        return cache_dir("build")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
