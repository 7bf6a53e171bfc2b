"""The scoreboard: each lesson puts its final numbers on it, and ``course run`` shows it at the end."""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict

from course_utils import paths
from course_utils.experiments.results import RunResult
from course_utils.files import save_text


def record(lesson: str, result: RunResult) -> None:
    """Put a lesson's result on the board, in place of an earlier one of the same flavour.

    Args:
        lesson: Its two-digit number.
        result: What it measured on test.
    """
    save_text(_folder() / f"{lesson}-{result.flavour}.json", json.dumps(asdict(result), indent=2) + "\n")


def read(*lessons: str) -> list[tuple[str, RunResult]]:
    """The (lesson, result) pairs on the board, in the order of the lessons. Foreign files are left out, with a warning.

    Args:
        *lessons: Two-digit numbers of those that are asked for; none asks for all.
    """
    found = []
    for file in sorted(_folder().glob("*.json")):
        if lessons and file.name[:2] not in lessons:
            continue
        try:
            found.append((file.name[:2], RunResult(**json.loads(file.read_text(encoding="utf-8")))))
        except (OSError, ValueError, TypeError) as error:
            warnings.warn(f"{file} is no result of a lesson ({error}): left out.", stacklevel=2)
    return found


def clear(lessons: list[str]) -> None:
    """Take the results of these lessons off the board."""
    for lesson in lessons:
        for file in _folder().glob(f"{lesson}-*.json"):
            file.unlink()


def _folder() -> paths.Path:
    return paths.output_dir() / "scoreboard"
