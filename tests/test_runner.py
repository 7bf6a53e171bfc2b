"""Lessons run without Jupyter, one after the other, in a kernel of this interpreter."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_utils.errors import CourseError
from course_utils.notebook.runner import find_lessons, run_lessons

WHO = "import os, sys\nprint(sys.executable, os.environ['COURSE_PROFILE'], os.getcwd(), sep='|')"
FAILS = "# first\nx = {}\n# third\n# fourth\nx['missing']"


def write(folder: Path, name: str, *cells: str) -> Path:
    folder.mkdir(exist_ok=True)
    notebook = new_notebook(cells=[new_markdown_cell(f"# Title of {name}"), *map(new_code_cell, cells)])
    notebook.metadata["kernelspec"] = {"name": "no-such-kernel", "display_name": "x", "language": "python"}
    nbformat.write(notebook, folder / f"{name}.ipynb")
    return folder / f"{name}.ipynb"


@pytest.fixture(scope="module")
def lessons(tmp_path_factory):
    """Three lessons, the middle one broken, after a run; with the original texts and what was echoed."""
    root = tmp_path_factory.mktemp("course")
    paths = [
        write(root / "notebooks", "01_who", WHO),
        write(root / "notebooks", "02_breaks", "y = 1", FAILS, "print('never')"),
        write(root / "notebooks", "03_goes_on", "6 * 7"),
    ]
    before = [path.read_bytes() for path in paths]
    said: list[object] = []
    runs = run_lessons(paths, profile="full", out_dir=root / "out", echo=said.append)
    assert [path.read_bytes() for path in paths] == before
    return runs, "\n".join(map(str, said)), root


def test_a_failure_is_reported_and_the_rest_goes_on(lessons):
    runs, said, _ = lessons
    assert [run.ok for run in runs] == [True, False, True]
    assert [run.name for run in runs] == ["01_who", "02_breaks", "03_goes_on"]
    error = runs[1].error
    assert error.startswith("cell [2] of 3:")
    assert "# first" in error and "..." in error and error.endswith("KeyError: 'missing'")
    assert "\x1b" not in error
    assert "Title of 03_goes_on" in said and "FAILED" in said


def test_outputs_are_kept_up_to_the_failure(lessons):
    runs, _, _ = lessons
    broken = nbformat.read(runs[1].output, as_version=4).cells
    assert broken[2].outputs[0].output_type == "error" and not broken[3].outputs
    assert nbformat.read(runs[2].output, as_version=4).cells[1].outputs[0].data["text/plain"] == "42"


def test_kernel_is_this_interpreter_with_the_profile_beside_the_notebook(lessons):
    runs, _, root = lessons
    printed = nbformat.read(runs[0].output, as_version=4).cells[1].outputs[0].text.strip()
    executable, profile, folder = printed.split("|")
    assert executable == sys.executable
    assert profile == "full"
    assert Path(folder) == (root / "notebooks").resolve()
    assert os.environ["COURSE_PROFILE"] == "smoke"


def test_a_kernel_that_dies_is_reported(tmp_path):
    path = write(tmp_path, "01_dies", "import os\nos._exit(3)")
    (run,) = run_lessons([path], profile="smoke", out_dir=tmp_path / "out")
    assert not run.ok and "out of memory" in run.error and "os._exit(3)" in run.error


@pytest.fixture
def folder(tmp_path):
    for name in ("00_start", "03_train_from_scratch", "10_other"):
        (tmp_path / f"{name}.ipynb").touch()
    (tmp_path / "notes.ipynb").touch()
    return tmp_path


@pytest.mark.parametrize("name", ["3", "03", "03_train_from_scratch", "03_train_from_scratch.ipynb"])
def test_find_lessons_by_what_people_type(folder, name):
    assert find_lessons([name], folder) == [folder / "03_train_from_scratch.ipynb"]


def test_find_lessons_by_path(folder):
    assert find_lessons([str(folder / "notes.ipynb")], folder) == [folder / "notes.ipynb"]


def test_find_all_lessons_in_order_and_no_lesson_twice(folder):
    assert [p.stem for p in find_lessons([], folder)] == ["00_start", "03_train_from_scratch", "10_other"]
    assert len(find_lessons(["0", "00", "00_start"], folder)) == 1


@pytest.mark.parametrize("name", ["7", "1", "train", "missing.ipynb", ""])
def test_unknown_lesson_lists_what_there_is(folder, name):
    with pytest.raises(CourseError, match="00_start, 03_train_from_scratch, 10_other"):
        find_lessons([name], folder)


def test_no_lessons_at_all(tmp_path):
    with pytest.raises(CourseError, match="no lesson in"):
        find_lessons([], tmp_path)
