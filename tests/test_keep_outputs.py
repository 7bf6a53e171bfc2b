"""A lesson that changed only around its code is not executed again."""

from __future__ import annotations

import shutil

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import build
import first_cell
import keep_outputs
from outputs import code_cells

LOAD = "import torch\nx = 1"


def made(*sources: str, ran: bool = False):
    """A notebook of code cells, and of text where a source starts with a word mark; each cell ran as ``out: it``."""
    cells = [new_markdown_cell(s[1:]) if s.startswith(">") else new_code_cell(s) for s in sources]
    notebook = new_notebook(cells=cells)
    for number, cell in enumerate(code_cells(notebook) if ran else [], start=11):
        cell.outputs = [
            new_output("execute_result", data={"text/plain": f"{number}"}, execution_count=number)
        ]
        cell.execution_count = number
    return notebook


def kept(new: list[str], stored: list[str]) -> dict[int, str]:
    """The stored outputs, "11", "12" and on, that the new cells keep, by their place."""
    found = keep_outputs.matching(made(*new), made(*stored, ran=True))
    return {place: cell.outputs[0].data["text/plain"] for place, cell in found.items()}


@pytest.mark.parametrize(
    ("new", "places"),
    [
        ([LOAD, "x", "y"], {0: "11", 1: "12", 2: "13"}),
        ([">other text", LOAD, "x", ">more", "y"], {0: "11", 1: "12", 2: "13"}),
        (["from torch import nn\nx   = 1  # why", "x", "y"], {0: "11", 1: "12", 2: "13"}),
        ([LOAD, "y"], {0: "11", 1: "13"}),
        ([LOAD, "x", "new()", "y"], {0: "11", 1: "12", 3: "13"}),
        (["new()", LOAD, "x", "y", "new(2)"], {1: "11", 2: "12", 3: "13"}),
        ([LOAD, "x + 1", "y"], {}),
        ([LOAD, "y", "x"], {}),
        ([LOAD, "new()", "y"], {}),
        ([LOAD, "new()", "new(2)", "y"], {}),
        ([LOAD, "x;", "y"], {}),
    ],
    ids=[
        *("same", "text", "import", "deleted", "inserted", "around"),
        *("changed", "swapped", "replaced", "replaced by two", "hidden"),
    ],
)
def test_which_outputs_are_kept(new, places):
    assert kept(new, [LOAD, "x", "y"]) == places


def test_it_does_not_count_in_which_room_of_the_course_a_helper_is():
    old = "from course_utils.teaching import gallery, plots\nfrom torch import nn"
    new = "from course_utils.notebook import figures\nfrom torch import nn"
    cells = ["gallery.show(1)", "plots.draw(2)", "nn.Linear(1, 2)"]
    moved = ["figures.show(1)", "figures.draw(2)", "nn.Linear(1, 2)"]
    assert kept([new, *moved], [old, *cells]) == {0: "11", 1: "12", 2: "13", 3: "14"}
    for other in (
        ["figures.show(2)", *moved[1:]],
        ["nn.show(1)", *moved[1:]],
        [*moved[:2], "torch.Linear(1, 2)"],
    ):
        assert kept([new, *other], [old, *cells]) == {}


def test_imports_inside_of_definitions_count_as_little():
    assert kept(["def f():\n    import a\n    return 1"], ["def f():\n    return 1"]) == {0: "11"}


def test_magics_are_compared_by_their_text():
    assert kept(["%timeit x\nimport a"], ["%timeit x\nimport a\n"]) == {0: "11"}
    assert kept(["%timeit x\nimport a"], ["%timeit x\nimport b"]) == {}


def test_two_equal_cells_keep_their_own_outputs():
    assert kept(["f()", "x", "f()"], ["f()", "x", "f()"]) == {0: "11", 1: "12", 2: "13"}
    assert kept(["f()", "f()", "y"], ["f()", "x", "f()", "y"]) == {0: "11", 1: "13", 2: "14"}


@pytest.mark.parametrize(
    ("new", "stored"),
    [(["f()"], ["f()", "f()"]), (["f()", "f()"], ["f()"]), (["f()", "f()", "f()"], ["f()"] * 2)],
)
def test_where_it_is_open_which_of_equal_cells_is_meant_none_is_kept(new, stored):
    assert kept(new, stored) == {}


def test_cells_without_outputs_may_be_taken_for_each_other():
    stored = made("import a", "x = 1", "x", ran=True)
    for cell in stored.cells[:2]:
        cell.outputs = []
    found = keep_outputs.matching(made("import a", "import b", "x = 1", "x"), stored)
    assert set(found) >= {2, 3} and found[3].outputs[0].data["text/plain"] == "13"


def test_kept_cells_are_numbered_anew():
    notebook = made("x", "", "y")
    keep_outputs.put_back(notebook, keep_outputs.matching(notebook, made("gone()", "x", "", "y", ran=True)))
    assert [cell.execution_count for cell in notebook.cells] == [1, None, 2]
    assert [notebook.cells[i].outputs[0].execution_count for i in (0, 2)] == [1, 2]


def test_an_alt_text_from_the_old_header_goes():
    notebook, stored = made("x"), made("x", ran=True)
    stored.cells[0].metadata["alt"] = "old"
    picture = new_output("display_data", data={"image/png": "x"}, metadata={"image/png": {"alt": "old"}})
    stored.cells[0].outputs = [picture]
    keep_outputs.put_back(notebook, keep_outputs.matching(notebook, stored))
    assert "alt" not in notebook.cells[0].outputs[0].metadata["image/png"]


LESSON = """# %% [markdown]
# # A lesson

# %%
import time
print(time.time_ns())

# %%
print("last", time.time_ns())
"""


@pytest.fixture
def lesson(tmp_path):
    """A lesson that prints something else at each run, built."""
    (tmp_path / "lessons").mkdir()
    shutil.copy(build.ROOT / "pyproject.toml", tmp_path)
    lesson = build.Lesson(tmp_path / "lessons" / "01_sample.py")
    lesson.source.write_text(LESSON)
    assert build.build(lesson, profile="smoke") == "all outputs new"
    return lesson


def printed(lesson) -> list[str]:
    notebook = first_cell.without(nbformat.read(lesson.targets[0], as_version=nbformat.NO_CONVERT))
    return ["".join(output.text for output in cell.outputs) for cell in code_cells(notebook)]


def test_nothing_is_executed_where_only_text_and_imports_change(lesson, monkeypatch):
    before = printed(lesson)
    monkeypatch.setattr("fill.execute", None)
    lesson.source.write_text(
        LESSON.replace("A lesson", "The lesson").replace("import time", "import time, os")
    )
    assert list(build.reasons_stale(lesson, profile="smoke"))
    assert build.build(lesson, profile="smoke") == "all outputs kept, nothing executed"
    assert printed(lesson) == before
    assert not list(build.reasons_stale(lesson, profile="smoke"))


def test_only_an_inserted_cell_gets_new_outputs(lesson):
    before = printed(lesson)
    lesson.source.write_text(LESSON.replace('# %%\nprint("last"', '# %%\nprint("new")\n\n# %%\nprint("last"'))
    said = build.build(lesson, profile="smoke")
    assert said == "outputs of 2 of 3 code cells kept, the others new"
    assert printed(lesson) == [before[0], "new\n", before[1]]


def test_a_changed_cell_another_profile_and_fresh_make_all_outputs_new(lesson):
    before = printed(lesson)
    lesson.source.write_text(LESSON.replace("last", "end"))
    for options in ({"profile": "smoke"}, {"profile": "standard"}, {"profile": "standard", "fresh": True}):
        assert build.build(lesson, **options) == "all outputs new"
        now = printed(lesson)
        assert now[0] != before[0] and now[1].startswith("end")
        before = now
