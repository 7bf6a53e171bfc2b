"""A learner's own copies of the lessons: made once, never written over, restored one at a time."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from course_utils import paths
from course_utils.files import check_folder, copy_file
from course_utils.notebook.runner import find_lessons

FIRST = "00_start_here.ipynb"


def copy_lessons(folder: Path) -> tuple[list[Path], list[str]]:
    """Copy lessons, solutions and the glossary into a folder; what is there already stays.

    Args:
        folder: Is made if need be.

    Returns:
        The files that are new, and the names of lessons that, or whose solutions, were made for another version.

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
        copy_file(file, own)
    notebooks = [(file, own) for file, own in pairs if file.suffix == ".ipynb"]
    stale = {own.name for file, own in notebooks if _lesson_of(own) != _lesson_of(file)}
    return [own for _, own in missing], sorted(stale)


def reset_lesson(name: str, folder: Path) -> tuple[Path, list[Path]]:
    """Put the course's own form of a lesson and its solutions into a learner's folder, and keep the learner's beside them.

    Args:
        name: A number such as ``"03"``, or a lesson's name.
        folder: Where the copies lie.

    Returns:
        The lesson, and what was kept; nothing where there was nothing, or nothing that differs.

    Raises:
        CourseError: An unknown lesson, or a folder that can't be written to.
    """
    source = paths.notebooks_dir()
    (lesson,) = find_lessons([name], source)
    check_folder(folder)
    kept = []
    for file in (lesson, source / "solutions" / lesson.name):
        own = folder / file.relative_to(source)
        if own.exists() and own.read_bytes() != file.read_bytes():
            names = (own.with_name(f"{file.stem}.kept-{number}.ipynb") for number in count(1))
            kept.append(next(path for path in names if not path.exists()))
            copy_file(own, kept[-1])
        copy_file(file, own)
    return folder / lesson.name, kept


def run_to_its_end(command: Sequence[str], folder: Path) -> int:
    """Run a program in a folder and return its exit status. Ctrl-C is left to it: JupyterLab asks whether to stop."""
    with subprocess.Popen(command, cwd=folder) as program:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # after the start, which hands handlers on
        try:
            return program.wait()
        finally:
            signal.signal(signal.SIGINT, before)


def _lesson_of(notebook: Path) -> str:
    """What says which form of a lesson a notebook was built from; empty where it says nothing."""
    try:
        found = json.loads(notebook.read_text(encoding="utf-8"))
        return str(found["metadata"]["borrowed_feathers"]["source_sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
