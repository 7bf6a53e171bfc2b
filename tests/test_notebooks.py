"""The notebooks in the repository: in step with their lessons, and fit to be opened anywhere."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import jupytext
import nbformat
import pytest
import start_again

import build
import first_cell
import outputs

ROOT = Path(__file__).resolve().parents[1]

LESSONS = [build.Lesson(path) for path in sorted((ROOT / "lessons").glob("[0-9][0-9]_*.py"))]
NOTEBOOKS = [target for lesson in LESSONS for target in lesson.targets if target.exists()]
STUBS, SOLUTIONS = (
    [path for path in NOTEBOOKS if (path.parent.name == "solutions") is solved] for solved in (False, True)
)


def name(value: object) -> str:
    return value.source.stem if isinstance(value, build.Lesson) else str(value.relative_to(ROOT))


@pytest.fixture(params=NOTEBOOKS, ids=name)
def notebook(request):
    return nbformat.read(request.param, as_version=nbformat.NO_CONVERT)


@pytest.mark.parametrize("lesson", LESSONS, ids=name)
def test_in_step_with_the_lesson(lesson):
    assert not list(build.reasons_stale(lesson, profile="standard"))


def test_no_notebook_without_a_lesson():
    assert not list(build.orphans(ROOT))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_small_enough_to_be_shown_on_the_web(path):
    assert path.stat().st_size <= outputs.MAX_BYTES


def test_valid(notebook):
    nbformat.validate(notebook)


def test_nothing_that_must_not_be_published(notebook):
    """No errors, no stderr, no widgets, no picture without alt text, no path of a machine."""
    assert not list(outputs.problems(notebook))


@pytest.mark.parametrize("path", STUBS, ids=name)
def test_checks_say_not_yet_to_stubs(path):
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    assert not list(outputs.verdict_problems(notebook, solved=False))


@pytest.mark.parametrize("path", SOLUTIONS, ids=name)
def test_solutions_are_stored_without_outputs(path):
    for cell in outputs.code_cells(nbformat.read(path, as_version=nbformat.NO_CONVERT)):
        assert cell.outputs == [] and cell.execution_count is None


def only_definitions(source: str) -> bool:
    try:
        statements = ast.parse(source).body
    except SyntaxError:
        return False
    return all(isinstance(s, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) for s in statements)


def test_cells_are_short(notebook):
    for cell in outputs.code_cells(first_cell.without(notebook)):
        if "hide-input" in cell.metadata.get("tags", []):
            continue
        limit = 25 if only_definitions(cell.source) else 15
        assert len(cell.source.splitlines()) <= limit, cell.source


@pytest.mark.parametrize(("deaths", "starts"), [(0, True), (3, True), (4, False)])
def test_a_kernel_that_dies_while_it_starts_is_started_again(monkeypatch, deaths, starts):
    calls = []

    def start(self, *args, **named):
        calls.append((args, named))
        if len(calls) <= deaths:
            raise RuntimeError("Kernel died before replying to kernel_info")

    monkeypatch.setattr(start_again.RunningKernel, "__init__", start)
    if starts:
        start_again.PatientKernel("python3", cwd="here")
        assert calls == [(("python3",), {"cwd": "here"})] * (deaths + 1)
    else:
        with pytest.raises(RuntimeError, match="Kernel died"):
            start_again.PatientKernel("python3")


@pytest.mark.parametrize("lesson", LESSONS, ids=name)
def test_a_stub_has_the_signature_of_its_solution(lesson):
    for cell in build.code_cells(jupytext.read(lesson.source)):
        if "exercise" in cell.metadata.get("tags", []):
            (stub,) = [line for line in cell.source.splitlines() if line.startswith("def ")]
            assert (
                stub
                == build.find_exercise(lesson.topic, cell.metadata["exercise"])
                .solution_code()
                .splitlines()[0]
            )


MOST_COLUMNS = 80


def test_code_fits_a_book_page_and_a_slide(notebook):
    """Long lines are cut off there."""
    for cell in build.code_cells(notebook):
        assert all(len(line) <= MOST_COLUMNS for line in cell.source.splitlines()), cell.source


BRIEF = ROOT.parent / "shared" / "brief" / "pre-defined-models.md"


@pytest.mark.skipif(
    not BRIEF.is_file(), reason="the text that the course is made from is not beside this checkout"
)
def test_every_line_of_code_of_the_brief_is_in_lesson_1():
    blocks = re.findall(r"```python\n(.*?)```", BRIEF.read_text(encoding="utf-8"), re.DOTALL)
    lines = {line.strip() for block in blocks for line in block.splitlines()}
    code = {line for line in lines if line and not line.startswith("#")}
    lesson = (ROOT / "lessons" / "01_two_flavours.py").read_text(encoding="utf-8")
    assert len(code) >= 6 and not [line for line in code if line not in lesson]
