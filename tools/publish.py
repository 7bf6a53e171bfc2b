"""Give the course its address, or another one.

    python tools/publish.py https://github.com/somebody/borrowed-feathers

It writes the address into pyproject.toml, CITATION.cff and README.md, and into all notebooks: their first cell gets the
course from there, and on GitHub's addresses their titles link to Colab. No notebook is executed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

import build
import first_cell
from course_utils.errors import CourseError
from course_utils.notebook.runner import find_lessons
from first_cell import Home
from marked import between

ADDRESS = re.compile(r"(https?|file)://[^\s@]+[^\s@/]")
PLACEHOLDER = "ADDRESS"
PROFILE = "standard"


def publish(address: str, root: Path) -> list[str]:
    """Write the address everywhere.

    Returns:
        What was written.

    Raises:
        CourseError: No address; a notebook that isn't in step with its lesson, which is then built first.
    """
    address = address.strip().rstrip("/").removesuffix(".git")
    if not ADDRESS.fullmatch(address):
        raise CourseError(
            f"{address!r} is no address of a repository; expected such as https://github.com/somebody/borrowed-feathers."
        )
    lessons = [build.Lesson(path) for path in find_lessons([], root / "lessons", suffix=".py")]
    stale = [reason for lesson in lessons for reason in build.reasons_stale(lesson, profile=PROFILE)]
    if stale:
        raise CourseError("Run `make notebooks` first:\n" + "\n".join(stale))
    before = first_cell.home(root)
    at = replace(before, address=address)
    texts = {
        root / name: write((root / name).read_text(encoding="utf-8"), at, before.address)
        for name, write in FILES.items()
    }
    for file, text in texts.items():
        file.write_text(text, encoding="utf-8")
    for lesson in lessons:
        said = build.build(lesson, profile=PROFILE)
        if "nothing executed" not in said:
            raise CourseError(f"{lesson.source.name}: {said}; expected that all outputs are kept.")
    return [*FILES, *(str(target.relative_to(root)) for lesson in lessons for target in lesson.targets)]


def _project(text: str, at: Home, old: str) -> str:
    line = f'[project.urls]\nRepository = "{at.address}"\n'
    if old:
        return text.replace(f'[project.urls]\nRepository = "{old}"\n', line)
    return text.replace("[project.scripts]\n", f"{line}\n[project.scripts]\n")


def _citation(text: str, at: Home, old: str) -> str:
    return re.sub(r"\nrepository-code: .*", "", text.rstrip("\n")) + f'\nrepository-code: "{at.address}"\n'


def _readme(text: str, at: Home, old: str) -> str:
    """The address in place of the word, or of the old one; badges and a link in place of what holds without."""
    tests = f"{at.address}/actions/workflows/test.yml"
    badges = f"[![tests]({tests}/badge.svg)]({tests}) [Open lesson 0 in Colab]({at.on_colab(LESSON_0)})"
    open_it = (
        f"Open [lesson 0 in Colab]({at.on_colab(LESSON_0)}), or another lesson with the link under its title, and run its "
        "first cell."
    )
    text = text.replace(old or PLACEHOLDER, at.address)
    text = between(text, "address", badges if at.on_github else f"The course's page is {at.address}.")
    return between(text, "colab", open_it if at.on_github else UPLOAD)


UPLOAD = "Upload a lesson from [notebooks/](notebooks) to colab.research.google.com and run its first cell."
LESSON_0 = "notebooks/00_start_here.ipynb"
FILES: dict[str, Callable[[str, Home, str], str]] = {
    "pyproject.toml": _project,
    "CITATION.cff": _citation,
    "README.md": _readme,
}


def main(
    address: Annotated[str, typer.Argument(help="Of the repository, as `git clone` takes it.")],
    root: Annotated[Path, typer.Option(hidden=True)] = build.ROOT,
) -> None:
    """Give the course its address, or another one."""
    try:
        written = publish(address, root)
    except CourseError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(2) from error
    typer.echo(f"The address is in {len(written)} files:\n  " + "\n  ".join(written))


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(main)

if __name__ == "__main__":
    app()
