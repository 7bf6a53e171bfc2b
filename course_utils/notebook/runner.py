"""Run lessons from start to end without Jupyter."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from course_utils.errors import CourseError
from course_utils.files import save_text
from course_utils.notebook.execute import LessonFailed, execute

if TYPE_CHECKING:
    from nbformat import NotebookNode


@dataclass(frozen=True)
class ExecutedLesson:
    """How one lesson went.

    Attributes:
        name: File name of the lesson without its suffix.
        seconds: Wall-clock time.
        ok: Whether every cell ran.
        error: The cell that failed and the end of its traceback; ``None`` when all is well.
        output: The executed notebook, up to the failure if there was one.
    """

    name: str
    seconds: float
    ok: bool
    error: str | None
    output: Path


def find_lessons(names: Sequence[str], folder: Path, *, suffix: str = ".ipynb") -> list[Path]:
    """Find lessons by what people call them.

    Args:
        names: Numbers (``"3"``, ``"03"``), names (``"03_train_from_scratch"``) or paths; none means all.
        folder: Where the lessons are.
        suffix: ``".ipynb"`` for built lessons, ``".py"`` for their sources.

    Raises:
        CourseError: A name fits no lesson, or there are none.
    """
    lessons = sorted(folder.glob(f"[0-9][0-9]_*{suffix}"))
    if not lessons and not names:
        raise CourseError(f"There is no lesson in {folder}: expected files such as 01_topic{suffix}.")
    found = [_find(name, lessons, suffix) for name in names] or lessons
    return list(dict.fromkeys(found))


def _find(name: str, lessons: Sequence[Path], suffix: str) -> Path:
    path = Path(name)
    if path.suffix == suffix and path.is_file():
        return path.resolve()
    stem = name.removesuffix(suffix)
    number = f"{int(stem):02d}_" if re.fullmatch(r"[0-9]{1,2}", stem) else None
    for lesson in lessons:
        if lesson.stem == stem or (number and lesson.stem.startswith(number)):
            return lesson
    known = ", ".join(lesson.stem for lesson in lessons) or "none"
    raise CourseError(f"There is no lesson {name!r}. The lessons are: {known}.")


def run_lessons(
    paths: Sequence[Path], *, profile: str, out_dir: Path, echo: Callable[[object], object] = print
) -> list[ExecutedLesson]:
    """Execute lessons one after the other; a failed one does not stop the others.

    Args:
        paths: The notebooks, which stay as they are.
        profile: ``smoke``, ``standard`` or ``full``.
        out_dir: Gets the executed notebooks.
        echo: Gets each lasting message as a ``rich.text.Text``; ``Console.print`` and ``print`` both do.
    """
    return [_run(path, profile, out_dir, echo) for path in paths]


def _run(path: Path, profile: str, out_dir: Path, echo: Callable[[object], object]) -> ExecutedLesson:
    import nbformat
    from rich.text import Text

    start = perf_counter()
    try:
        notebook = nbformat.read(path, as_version=4)
    except Exception as error:  # nbformat passes on whatever its JSON and its schema raise
        reason = (
            f"{path} is no notebook ({type(error).__name__}: {error}). Restore it: git checkout -- notebooks"
        )
        echo(Text(f"{path.stem}: FAILED, {reason}", style="bold red"))
        return ExecutedLesson(path.stem, perf_counter() - start, False, reason, path)
    error = None
    echo(Text(f"{path.stem}: {_title(notebook)}"))
    with show_progress(path.stem) as on_cell:
        try:
            execute(notebook, folder=path.resolve().parent, profile=profile, on_cell=on_cell)
        except LessonFailed as failure:
            error = str(failure)
    seconds = perf_counter() - start
    out = save_text(out_dir / path.name, nbformat.writes(notebook) + "\n")
    if error is None:
        echo(Text(f"  done in {seconds:.0f} s", style="green"))
    else:
        echo(Text(f"  FAILED after {seconds:.0f} s in {error.splitlines()[0].rstrip(':')}", style="bold red"))
    return ExecutedLesson(path.stem, seconds, error is None, error, out)


def _title(notebook: NotebookNode) -> str:
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    heading = re.search(r"^# (.+)$", text, re.MULTILINE)
    return heading[1].strip() if heading else "no title"


@contextmanager
def show_progress(name: str) -> Iterator[Callable[[int, int], None]]:
    """A bar that moves with each cell and leaves nothing behind; none where there is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console()
    columns = (TextColumn("  {task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"{name}: starting Python", total=None)

        def move(number: int, total: int) -> None:
            bar.update(
                task, completed=number - 1, total=total, description=f"{name}: cell {number} of {total}"
            )

        yield move
