"""Build the notebooks from lessons/*.py, the only hand-edited form.

    python tools/build.py             build what is stale
    python tools/build.py 03 04       build these lessons, stale or not
    python tools/build.py --fresh 03  build it and keep no outputs
    python tools/build.py --check     say what is stale; exit status 1 if anything is

Each lesson becomes notebooks/NN_topic.ipynb, executed, and notebooks/solutions/NN_topic.ipynb, the same with
the exercises solved, which is executed and checked too, but stored without outputs. Outputs of cells whose code is the
same as before are kept (keep_outputs.py says when); where all are, nothing is executed, the solutions neither.
Both begin with the same cell, which fetches the course where it is missing (first_cell.py). It is not executed here.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated

import jupytext
import nbformat
import typer
from nbformat import NotebookNode

import first_cell
from course_utils.cli import Profile
from course_utils.errors import CourseError
from course_utils.files import replacing
from course_utils.notebook.checks import Exercise
from course_utils.notebook.runner import find_lessons
from fill import fill
from outputs import MAX_BYTES, code_cells

ROOT = Path(__file__).resolve().parents[1]
ROOMS = "course_utils.lessons"
RECORD = "borrowed_feathers"
_KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


@dataclass(frozen=True)
class Lesson:
    """A lesson's source and what is built from it."""

    source: Path

    @property
    def root(self) -> Path:
        """The folder of lessons/, notebooks/ and pyproject.toml."""
        return self.source.parent.parent

    @property
    def topic(self) -> str:
        """Its file's name without the number; the name of its folder in course_utils/lessons."""
        return self.source.stem.partition("_")[2]

    @property
    def targets(self) -> tuple[Path, Path]:
        """The notebook with stubs and the one with solutions."""
        name = f"{self.source.stem}.ipynb"
        return self.root / "notebooks" / name, self.root / "notebooks" / "solutions" / name

    def notebooks(self, profile: str | None) -> tuple[NotebookNode, NotebookNode]:
        """Both notebooks, not executed.

        Args:
            profile: Recorded in the metadata; ``None`` for notebooks that won't be executed.
        """
        stubs = self._read()
        text = "\n".join(
            [
                self.source.read_text(encoding="utf-8"),
                *(e.solution_code() for e in _exercises(stubs, self.topic)),
            ]
        )
        stubs.metadata[RECORD] = {
            "source": f"lessons/{self.source.name}",
            "source_sha256": hashlib.sha256(text.encode()).hexdigest(),
            "profile": profile,
        }
        return stubs, _solve(stubs, self.topic)

    def add_first_cells(self, notebooks: Sequence[NotebookNode]) -> None:
        """Give both notebooks the cell that fetches the course, and links for Colab, in place."""
        at = first_cell.home(self.root)
        lessons = sorted(self.source.parent.glob("[0-9][0-9]_*.py"))
        later = [path.stem for path in lessons if path.stem > self.source.stem]
        for target, notebook in zip(self.targets, notebooks, strict=True):
            path = target.relative_to(self.root)
            following = path.with_stem(later[0]).as_posix() if later else None
            first_cell.add(notebook, path.as_posix(), following, at)

    def _read(self) -> NotebookNode:
        notebook = jupytext.read(self.source)
        notebook.metadata = nbformat.from_dict({"kernelspec": _KERNEL, "language_info": {"name": "python"}})
        seen: Counter[str] = Counter()
        for cell in notebook.cells:
            cell.metadata.pop("lines_to_next_cell", None)
            if "hide-input" in cell.metadata.get("tags", []):
                cell.metadata["jupyter"], cell.metadata["cellView"] = {"source_hidden": True}, "form"
            content = f"{self.source.stem}\n{cell.cell_type}\n{cell.source}"
            seen[content] += 1
            cell.id = hashlib.sha256(f"{content}\n{seen[content]}".encode()).hexdigest()[:12]
        notebook.nbformat, notebook.nbformat_minor = 4, 5
        return notebook


def find_exercise(topic: str, name: str) -> Exercise:
    """The exercise of a lesson, found by its topic, that a cell's metadata names."""
    module = f"{ROOMS}.{topic}.exercises"
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise CourseError(f'exercise="{name}" is not in {module}: {error}.') from error
    if not isinstance(found, Exercise):
        raise CourseError(f'exercise="{name}" is a {type(found).__name__}; expected an Exercise.')
    return found


def build(lesson: Lesson, *, profile: str, execute: bool = True, fresh: bool = False) -> str:
    """Build both notebooks of a lesson; both are written, or neither.

    Args:
        lesson: What to build.
        profile: How much work the lesson does.
        execute: False leaves the outputs empty.
        fresh: Keep no outputs.

    Returns:
        What has become of the outputs, in a few words.

    Raises:
        CourseError: A cell failed, or an output must not be published.
    """
    notebooks, said = lesson.notebooks(profile if execute else None), "no outputs"
    if execute:
        stored = None if fresh else _stored(lesson, profile)
        said = fill(*notebooks, stored, target=lesson.targets[0], profile=profile)
    lesson.add_first_cells(notebooks)
    finished = []
    for target, notebook in zip(lesson.targets, notebooks, strict=True):
        nbformat.validate(notebook)
        text = nbformat.writes(notebook, version=nbformat.NO_CONVERT).rstrip("\n") + "\n"
        if (size := len(text.encode())) > MAX_BYTES:
            name = target.relative_to(lesson.root)
            raise CourseError(f"{name} has {size:,} bytes; at most {MAX_BYTES:,} may be.")
        finished.append((target, text))
    for target, text in finished:
        with replacing(target) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")
    return said


def reasons_stale(lesson: Lesson, *, profile: str) -> Iterator[str]:
    """Why a lesson's notebooks must be built again; nothing if they are in step."""
    notebooks = lesson.notebooks(profile)
    lesson.add_first_cells(notebooks)
    for target, expected in zip(lesson.targets, notebooks, strict=True):
        name = target.relative_to(lesson.root)
        if not target.exists():
            yield f"{name} is missing"
            continue
        found = nbformat.read(target, as_version=nbformat.NO_CONVERT)
        record, wanted = found.metadata.get(RECORD, {}), expected.metadata[RECORD]
        if record.get("source_sha256") != wanted["source_sha256"]:
            yield f"{name}: the lesson or one of its solutions has changed"
        elif record.get("profile") is None:
            yield f"{name} has not been executed"
        elif record["profile"] != profile:
            yield f"{name} was executed with profile {record['profile']}, expected {profile}"
        elif [_fixed_part(c) for c in found.cells] != [_fixed_part(c) for c in expected.cells]:
            yield f"{name} was edited by hand, or an older builder wrote it"
        elif target == lesson.targets[1] and any(cell.outputs for cell in code_cells(found)):
            yield f"{name} has outputs: solutions are stored without"


def orphans(root: Path) -> Iterator[str]:
    """Notebooks whose lesson is gone."""
    for notebook in sorted((root / "notebooks").rglob("[0-9][0-9]_*.ipynb")):
        if ".ipynb_checkpoints" in notebook.parts:
            continue
        if not (root / "lessons" / f"{notebook.stem}.py").exists():
            yield f"{notebook.relative_to(root)} has no lesson: delete it"


def _exercises(notebook: NotebookNode, topic: str) -> list[Exercise]:
    cells = (cell for cell in code_cells(notebook) if "exercise" in cell.metadata.get("tags", []))
    return [find_exercise(topic, cell.metadata.get("exercise", "")) for cell in cells]


def _solve(stubs: NotebookNode, topic: str) -> NotebookNode:
    """The notebook with each exercise's task, in leading comments, followed by its solution.

    It lies one folder deeper, so its links to the glossary lead one folder up; the other lessons lie beside it.
    """
    notebook = deepcopy(stubs)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = cell.source.replace("](glossary.md", "](../glossary.md")
    for cell in code_cells(notebook):
        if "exercise" not in cell.metadata.get("tags", []):
            continue
        lines = cell.source.splitlines()
        n_task = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
        solution = find_exercise(topic, cell.metadata["exercise"]).solution_code()
        cell.source = "\n".join([*lines[:n_task], solution])
        cell.metadata["tags"] = [*cell.metadata["tags"], "solution"]
    return notebook


def _stored(lesson: Lesson, profile: str) -> NotebookNode | None:
    """The notebook with stubs as it is stored; None if there is none that was executed with this profile."""
    if not lesson.targets[0].exists():
        return None
    stored = first_cell.without(nbformat.read(lesson.targets[0], as_version=nbformat.NO_CONVERT))
    return stored if stored.metadata.get(RECORD, {}).get("profile") == profile else None


def _fixed_part(cell: NotebookNode) -> tuple[str, str, str, object]:
    return cell.cell_type, cell.id, cell.source, cell.metadata


def _build_all(lessons: Sequence[Lesson], *, profile: str, execute: bool, fresh: bool) -> int:
    """Build each lesson, say how it went and return how many failed."""
    failed = 0
    for lesson in lessons:
        typer.echo(f"{lesson.source.stem} ...")
        try:
            said = build(lesson, profile=profile, execute=execute, fresh=fresh)
            typer.echo(f"{lesson.source.stem}: {said}")
        except CourseError as error:
            typer.echo(f"FAILED, the old notebooks stay. {error}", err=True)
            failed += 1
    return failed


def main(
    names: Annotated[list[str] | None, typer.Argument(help="Such as 03; none means all.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Only say what is stale.")] = False,
    profile: Annotated[Profile, typer.Option(help="How much work the lessons do.")] = Profile.standard,
    execute: Annotated[bool, typer.Option(help="Run the cells, or leave the outputs empty.")] = True,
    fresh: Annotated[bool, typer.Option("--fresh", help="Keep no outputs: execute every cell.")] = False,
    root: Annotated[Path, typer.Option(hidden=True)] = ROOT,
) -> None:
    """Turn lessons/*.py into executed notebooks with and without solutions."""
    try:
        lessons = [Lesson(path) for path in find_lessons(names or [], root / "lessons", suffix=".py")]
        stale = {lesson: list(reasons_stale(lesson, profile=profile.value)) for lesson in lessons}
    except CourseError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(2) from error
    if check:
        found = [reason for reasons in stale.values() for reason in reasons]
        found += [] if names else orphans(root)
        typer.echo("\n".join(found) or f"All notebooks of {len(lessons)} lessons are in step.")
        raise typer.Exit(1 if found else 0)
    todo = lessons if names else [lesson for lesson, reasons in stale.items() if reasons]
    failed = _build_all(todo, profile=profile.value, execute=execute, fresh=fresh)
    typer.echo(f"{len(todo) - failed} of {len(todo)} lessons built; {len(lessons) - len(todo)} were in step.")
    raise typer.Exit(1 if failed else 0)


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(main)

if __name__ == "__main__":
    app()
