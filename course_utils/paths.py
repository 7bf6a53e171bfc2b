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
        if (root / "data" / "fieldguide").is_dir() and (root / "notebooks").is_dir():
            return root
    raise CourseError(
        f"The course's data/fieldguide/ and notebooks/ folders are missing beside {_PACKAGE.name}/. "
        "Clone the repository again, or reinstall the package."
    )


def data_dir() -> Path:
    """Folder of the bundled data sets."""
    return course_root() / "data"


def notebooks_dir() -> Path:
    """Folder of the built lessons."""
    return course_root() / "notebooks"


def results_dir() -> Path:
    """Folder of the measurements that come with the course."""
    return course_root() / "results"


def cache_dir(*parts: str) -> Path:
    """Folder for what can be computed again, created on demand.

    ``COURSE_CACHE`` names it when set; otherwise it is the platform's user cache folder.

    Args:
        *parts: Sub-folders below the cache.

    Raises:
        CourseError: The folder can't be created.
    """
    chosen = os.environ.get("COURSE_CACHE")
    root = Path(chosen).expanduser().absolute() if chosen else user_cache_path("borrowed-feathers")
    return _made(root.joinpath(*parts), "COURSE_CACHE")


def output_dir() -> Path:
    """Folder for what a run of the course produces: executed lessons and the scoreboard, created on demand.

    ``COURSE_OUT`` names it when set; otherwise it is ``build/`` in a clone that is writable, else in the cache.

    Raises:
        CourseError: The folder can't be created.
    """
    chosen = os.environ.get("COURSE_OUT")
    root = course_root()
    in_clone = (root / "pyproject.toml").is_file() and os.access(root, os.W_OK)
    own = root / "build" if in_clone else None
    folder = Path(chosen).expanduser().absolute() if chosen else own or cache_dir("build")
    return _made(folder, "COURSE_OUT")


def _made(folder: Path, variable: str) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CourseError(
            f"The folder {folder} can't be created ({error.strerror}). Set {variable} to a folder you may write to."
        ) from error
    return folder
