"""Give the course its address, or another one.

    python tools/publish.py https://github.com/somebody/borrowed-feathers

It writes the address into pyproject.toml, CITATION.cff and README.md, and into all notebooks: their first cell gets the
course from there, and on GitHub's addresses their titles link to Colab. No notebook is executed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

import build
import first_cell
from course_utils import __version__
from course_utils.errors import CourseError
from course_utils.files import save_text
from course_utils.notebook.runner import find_lessons

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
    old = first_cell.home(root).address
    texts = {
        root / name: write((root / name).read_text(encoding="utf-8"), address, old)
        for name, write in FILES.items()
    }
    for file, text in texts.items():
        save_text(file, text)
    for lesson in lessons:
        said = build.build(lesson, profile=PROFILE)
        if "nothing executed" not in said:
            raise CourseError(f"{lesson.source.name}: {said}; expected that all outputs are kept.")
    return [*FILES, *(str(target.relative_to(root)) for lesson in lessons for target in lesson.targets)]


def _project(text: str, address: str, old: str) -> str:
    line = f'[project.urls]\nRepository = "{address}"\n'
    if old:
        return text.replace(f'[project.urls]\nRepository = "{old}"\n', line)
    return text.replace("[project.scripts]\n", f"{line}\n[project.scripts]\n")


def _citation(text: str, address: str, old: str) -> str:
    return re.sub(r"\nrepository-code: .*", "", text.rstrip("\n")) + f'\nrepository-code: "{address}"\n'


def _readme(text: str, address: str, old: str) -> str:
    """The address in place of the word, or of the old one; badges and a link in place of what holds without."""
    at = first_cell.Home(address, __version__, "")
    tests = f"{address}/actions/workflows/test.yml"
    badges = f"[![tests]({tests}/badge.svg)]({tests}) [Open lesson 0 in Colab]({at.on_colab(LESSON_0)})"
    open_it = (
        f"Open [lesson 0 in Colab]({at.on_colab(LESSON_0)}), or another lesson with the link under its title, and run its "
        "first cell."
    )
    text = text.replace(old or PLACEHOLDER, address)
    text = _between(text, "address", badges if at.on_github else f"The course's page is {address}.")
    return _between(text, "colab", open_it if at.on_github else UPLOAD)


def _between(text: str, mark: str, new: str) -> str:
    start, end = f"<!-- {mark}: written by tools/publish.py -->", f"<!-- end of {mark} -->"
    before, _, rest = text.partition(start)
    return f"{before}{start}\n{new}\n{end}{rest.partition(end)[2]}"


UPLOAD = "Upload a lesson from [notebooks/](notebooks) to colab.research.google.com and run its first cell."
LESSON_0 = "notebooks/00_start_here.ipynb"
FILES: dict[str, Callable[[str, str, str], str]] = {
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
