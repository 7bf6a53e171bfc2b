"""The course gets its address: in every file that names it, in every notebook, and nothing is executed for it."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import publish
import pytest
from typer.testing import CliRunner

import build
import first_cell
from course_utils import __version__

ADDRESS = "https://github.com/somebody/feathers"
OTHER = "https://git.example.org/else/course"


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A copy of what publishing reads and writes, with one lesson more than none; it cannot execute anything."""
    monkeypatch.setattr("fill.execute", None)
    for name in publish.FILES:
        shutil.copy(build.ROOT / name, tmp_path)
    for folder in ("lessons", "notebooks", "notebooks/solutions"):
        (tmp_path / folder).mkdir()
        for file in (build.ROOT / folder).glob("0[01]_*"):
            shutil.copy(file, tmp_path / folder)
    return tmp_path


def run(address: str, root: Path):
    return CliRunner().invoke(publish.app, [address, "--root", str(root)])


def texts(root: Path) -> dict[str, str]:
    files = [file for file in root.rglob("*") if file.is_file()]
    return {file.relative_to(root).as_posix(): file.read_text(encoding="utf-8") for file in files}


def read(root: Path, name: str):
    return nbformat.read(root / "notebooks" / name, as_version=nbformat.NO_CONVERT)


def outputs_of(root: Path) -> list:
    notebook = first_cell.without(read(root, "01_two_flavours.ipynb"))
    return [cell.outputs for cell in build.code_cells(notebook)]


def test_the_address_is_everywhere(course):
    outputs = outputs_of(course)
    result = run(f"{ADDRESS}.git/", course)
    assert result.exit_code == 0, result.output
    found = texts(course)
    assert f'[project.urls]\nRepository = "{ADDRESS}"' in found["pyproject.toml"]
    assert f'repository-code: "{ADDRESS}"' in found["CITATION.cff"]
    assert f"git clone {ADDRESS}" in found["README.md"]
    assert "ADDRESS" not in found["README.md"]
    assert f"{ADDRESS}/actions/workflows/test.yml/badge.svg" in found["README.md"]
    for name in ("00_start_here.ipynb", "01_two_flavours.ipynb", "solutions/00_start_here.ipynb"):
        assert f'get_course("{ADDRESS}", "{__version__}", ' in "".join(
            cell.source for cell in read(course, name).cells
        )
    assert outputs_of(course) == outputs
    lessons = [build.Lesson(file) for file in sorted((course / "lessons").glob("*.py"))]
    assert not [reason for lesson in lessons for reason in build.reasons_stale(lesson, profile="standard")]


def test_titles_lead_to_colab_and_on_from_there(course):
    run(ADDRESS, course)
    title = read(course, "00_start_here.ipynb").cells[0].source
    at = f"https://colab.research.google.com/github/somebody/feathers/blob/v{__version__}/notebooks"
    assert title.startswith("# 0. Start here\n\n*[Open this lesson in Colab](")
    assert f"({at}/00_start_here.ipynb)" in title and f"[next lesson]({at}/01_two_flavours.ipynb)" in title
    assert f"[glossary]({ADDRESS}/blob/v{__version__}/notebooks/glossary.md)" in title
    solved = read(course, "solutions/00_start_here.ipynb").cells[0].source
    assert f"({at}/solutions/01_two_flavours.ipynb)" in solved
    assert "next lesson" not in read(course, "01_two_flavours.ipynb").cells[0].source


def test_publishing_again_changes_nothing_and_another_address_leaves_no_trace(course):
    run(ADDRESS, course)
    once = texts(course)
    assert run(ADDRESS, course).exit_code == 0 and texts(course) == once
    assert run(OTHER, course).exit_code == 0
    for name, text in texts(course).items():
        assert "somebody/feathers" not in text, name
    assert f"git clone {OTHER}" in (course / "README.md").read_text()
    assert "colab.research" not in read(course, "00_start_here.ipynb").cells[0].source
    run(ADDRESS, course)
    assert texts(course) == once


@pytest.mark.parametrize(
    "address", ["", "feathers", "somebody/feathers", "https://", "https://a b.org/c", "git@host:x"]
)
def test_an_address_that_is_none(course, address):
    before = texts(course)
    result = run(address, course)
    assert (
        result.exit_code == 2 and "is no address of a repository; expected such as https://" in result.output
    )
    assert texts(course) == before


def test_a_stale_notebook_is_built_first(course):
    lesson = course / "lessons" / "00_start_here.py"
    lesson.write_text(lesson.read_text() + "\n# %%\n1\n")
    before = texts(course)
    result = run(ADDRESS, course)
    assert result.exit_code == 2 and "Run `make notebooks` first" in result.output
    assert texts(course) == before


def test_a_page_that_has_lost_its_marks_is_named_and_nothing_is_written(course):
    readme = course / "README.md"
    readme.write_text(readme.read_text().replace("<!-- end of address -->", ""))
    before = texts(course)
    result = run(ADDRESS, course)
    assert result.exit_code == 2 and "0 places marked 'address'" in result.output
    assert texts(course) == before
