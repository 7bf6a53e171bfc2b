"""The scoreboard: each lesson puts its final numbers on it, and ``course run`` shows it at the end."""

from __future__ import annotations

import json
from dataclasses import asdict

from course_utils import paths
from course_utils.files import replacing
from course_utils.training.results import RunResult


def record(lesson: str, result: RunResult) -> None:
    """Put a lesson's result on the board, in place of an earlier one of the same flavour.

    Args:
        lesson: Its two-digit number.
        result: What it measured on test.
    """
    file = _folder() / f"{lesson}-{result.flavour}.json"
    with replacing(file) as temporary:
        temporary.write_text(json.dumps(asdict(result), indent=2) + "\n", encoding="utf-8")


def read() -> list[tuple[str, RunResult]]:
    """The (lesson, result) pairs on the board, in the order of the lessons."""
    files = sorted(_folder().glob("*.json"))
    return [(f.name[:2], RunResult(**json.loads(f.read_text(encoding="utf-8")))) for f in files]


def clear(lessons: list[str]) -> None:
    """Take the results of these lessons off the board."""
    for lesson in lessons:
        for file in _folder().glob(f"{lesson}-*.json"):
            file.unlink()


def _folder() -> paths.Path:
    return paths.runs_dir() / "scoreboard"
