"""Lessons become notebooks: executed, tidy, the same every time, or not written at all."""

from __future__ import annotations

import shutil
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable
from copy import deepcopy
from io import BytesIO
from pathlib import Path
from types import ModuleType

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image, ImageDraw
from typer.testing import CliRunner

import build
import first_cell
import outputs
from course_utils.errors import CourseError
from course_utils.notebook.checks import Exercise
from small_pictures import smaller

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
SOLUTION = "def double(x):\n    return 2 * x"


def double(x):
    return 2 * x


LESSON = f'''# %% [markdown]
# # 1. A sample

# %%
from course_utils.notebook.checks import Exercise, NotYet
def check_double(answer):
    if answer(2) != 4:
        raise NotYet("Twice 2 is 4.")
exercise = Exercise(check_double, check_double)

# %% alt="One red pixel"
from base64 import b64decode
from IPython.display import Image, display
display(Image(b64decode("{PIXEL}")))

# %%
from tqdm import tqdm
for i in tqdm(range(2)):
    print("step", i)

# %% tags=["exercise"] exercise="double"
# Exercise 1.1: double a number.
def double(x):
    return ...

# %% tags=["check"]
exercise.check(double)
'''


def offer_exercise(patch: pytest.MonkeyPatch, answer: Callable = double) -> None:
    """Put the module of exercises that the lesson names into this process."""
    module = ModuleType(f"{build.ROOMS}.sample.exercises")
    patch.setitem(sys.modules, f"{build.ROOMS}.sample", ModuleType(f"{build.ROOMS}.sample"))
    module.double = Exercise(answer, lambda answer: None)
    module.not_an_exercise = 3
    patch.setitem(sys.modules, module.__name__, module)


@pytest.fixture(autouse=True)
def exercise(monkeypatch):
    offer_exercise(monkeypatch)


def write(root: Path, text: str, name: str = "01_sample") -> build.Lesson:
    (root / "lessons").mkdir(parents=True, exist_ok=True)
    shutil.copy(build.ROOT / "pyproject.toml", root)
    (root / "lessons" / f"{name}.py").write_text(text, encoding="utf-8")
    return build.Lesson(root / "lessons" / f"{name}.py")


@pytest.fixture(scope="module")
def built_once(tmp_path_factory):
    """The sample lesson, built by the command."""
    with pytest.MonkeyPatch.context() as patch:
        offer_exercise(patch)
        root = tmp_path_factory.mktemp("built")
        lesson = write(root, LESSON)
        result = run("--root", str(root))
    assert result.exit_code == 0, result.output
    return lesson


@pytest.fixture
def lesson(built_once, tmp_path):
    """A copy of the built sample that a test may change."""
    root = shutil.copytree(built_once.root, tmp_path / "course")
    return build.Lesson(root / "lessons" / "01_sample.py")


def run(*arguments: str):
    return CliRunner().invoke(build.app, list(arguments))


def read(path: Path):
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)


def code(path: Path) -> list:
    """The code cells of a lesson; its first cell, which every notebook has, is not one."""
    return list(outputs.code_cells(first_cell.without(read(path))))


def text_of(cell) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


def test_outputs_are_there_and_tidy(lesson):
    stubs, _ = lesson.targets
    notebook, cells = read(stubs), code(stubs)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.borrowed_feathers.source == "lessons/01_sample.py"
    assert notebook.metadata.borrowed_feathers.profile == "standard"
    assert set(notebook.metadata) == {"kernelspec", "language_info", "borrowed_feathers"}
    assert text_of(cells[2]) == "step 0\nstep 1\n" and len(cells[2].outputs) == 1
    assert [cell.execution_count for cell in cells] == [1, 2, 3, 4, 5]
    assert all("execution" not in cell.metadata for cell in cells)
    assert stubs.read_bytes().endswith(b"}\n")


def test_picture_has_its_alt_text(lesson):
    (picture,) = code(lesson.targets[0])[1].outputs
    assert picture.metadata["image/png"]["alt"] == "One red pixel"
    assert picture.data["text/plain"] == "One red pixel"


def test_what_the_internet_said_is_not_stored_and_plumbing_is_folded(tmp_path):
    text = '# %% [markdown]\n# # 1. A\n\n# %% tags=["network"]\nprint("fetched")\n\n# %% tags=["hide-input"]\n1\n'
    lesson = write(tmp_path, text)
    build.build(lesson, profile="standard")
    asks, plumbing = code(lesson.targets[0])
    assert asks.outputs == [] and asks.execution_count == 1 and len(plumbing.outputs) == 1
    assert plumbing.metadata.jupyter.source_hidden and plumbing.metadata.cellView == "form"


def test_solutions_take_the_stubs_places(lesson):
    stub, solved = (code(target)[3] for target in lesson.targets)
    assert stub.source == "# Exercise 1.1: double a number.\ndef double(x):\n    return ..."
    assert solved.source == f"# Exercise 1.1: double a number.\n{SOLUTION}"
    assert stub.metadata.tags == ["exercise"] and solved.metadata.tags == ["exercise", "solution"]
    assert stub.id == solved.id
    (shown,) = code(lesson.targets[0])[4].outputs
    assert shown.data["text/plain"].startswith("Not yet: ")


def test_solutions_are_stored_without_outputs(lesson):
    for cell in code(lesson.targets[1]):
        assert cell.outputs == [] and cell.execution_count is None
    assert read(lesson.targets[1]).metadata.borrowed_feathers.profile == "standard"


def test_building_again_gives_the_same_bytes(lesson):
    before = [target.read_bytes() for target in lesson.targets]
    assert build.build(lesson, profile="standard", fresh=True) == "all outputs new"
    assert [target.read_bytes() for target in lesson.targets] == before


def test_a_notebook_in_step_is_left_alone(lesson):
    times = [target.stat().st_mtime_ns for target in lesson.targets]
    result = run("--root", str(lesson.root))
    assert result.exit_code == 0 and "1 were in step" in result.output
    assert [target.stat().st_mtime_ns for target in lesson.targets] == times
    assert run("--root", str(lesson.root), "--check").exit_code == 0


def change_lesson(lesson, patch):
    lesson.source.write_text(lesson.source.read_text() + "\n# %%\n1\n")


def change_solution(lesson, patch):
    def double(x):
        return x + x

    offer_exercise(patch, double)


def remove_solutions(lesson, patch):
    lesson.targets[1].unlink()


def edit_notebook(lesson, patch):
    text = lesson.targets[0].read_text()
    lesson.targets[0].write_text(text.replace("A sample", "My sample"))


def fill_solutions(lesson, patch):
    notebook = read(lesson.targets[1])
    notebook.cells[2].outputs = [stream("from an older builder")]
    nbformat.write(notebook, lesson.targets[1])


def skip_execution(lesson, patch):
    build.build(lesson, profile="standard", execute=False)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (change_lesson, "notebooks/01_sample.ipynb: the lesson or one of its solutions has changed"),
        (change_solution, "solutions/01_sample.ipynb: the lesson or one of its solutions has changed"),
        (remove_solutions, "notebooks/solutions/01_sample.ipynb is missing"),
        (edit_notebook, "notebooks/01_sample.ipynb was edited by hand"),
        (fill_solutions, "solutions/01_sample.ipynb has outputs"),
        (skip_execution, "notebooks/01_sample.ipynb has not been executed"),
    ],
)
def test_check_names_what_is_stale(lesson, monkeypatch, change, reason):
    change(lesson, monkeypatch)
    result = run("--root", str(lesson.root), "--check")
    assert result.exit_code == 1 and reason in result.output


def test_check_names_another_profile_and_a_notebook_without_lesson(lesson):
    result = run("--root", str(lesson.root), "--check", "--profile", "smoke")
    assert result.exit_code == 1 and "profile standard, expected smoke" in result.output
    write(lesson.root, LESSON, "02_sample")
    lesson.source.unlink()
    assert "01_sample.ipynb has no lesson" in run("--root", str(lesson.root), "--check").output


def test_a_failing_cell_leaves_the_old_notebooks(lesson):
    before = [target.read_bytes() for target in lesson.targets]
    lesson.source.write_text(lesson.source.read_text().replace("exercise.check(double)", "1 / 0"))
    result = run("--root", str(lesson.root))
    assert result.exit_code == 1
    assert "notebooks/01_sample.ipynb, cell [5] of 5" in result.output
    assert "1 / 0" in result.output and "ZeroDivisionError: division by zero" in result.output
    assert [target.read_bytes() for target in lesson.targets] == before
    assert not list((lesson.root / "notebooks").glob(".*"))


def test_stderr_and_a_missing_alt_text_fail_the_build(tmp_path):
    noisy = "# %%\nimport warnings\nwarnings.warn('old API')\n\n"
    picture = LESSON[LESSON.index("# %% alt") : LESSON.index("# %%\nfrom tqdm")]
    write(tmp_path, noisy + picture.replace(' alt="One red pixel"', ""))
    result = run("--root", str(tmp_path))
    assert result.exit_code == 1
    assert "cell [1] (import warnings): stderr: " in result.output and "old API" in result.output
    assert "cell [2] (from base64 import b64decode): image/png without alt text" in result.output
    assert not list((tmp_path / "notebooks").iterdir())


def test_a_solution_that_its_check_refuses_fails_the_build(lesson, monkeypatch):
    def double(x):
        return x

    offer_exercise(monkeypatch, double)
    with pytest.raises(CourseError, match=r"solutions.*should say 'Correct', but said.*Twice 2 is 4"):
        build.build(lesson, profile="smoke")


@pytest.mark.parametrize("name", ["missing", "not_an_exercise", ""])
def test_unknown_exercise(tmp_path, name):
    write(tmp_path, LESSON.replace('exercise="double"', f'exercise="{name}"'))
    result = run("--root", str(tmp_path), "--check")
    assert result.exit_code == 2 and f'exercise="{name}"' in result.output


def cell_with(*found, **metadata):
    notebook = new_notebook(cells=[new_code_cell("show()", outputs=list(found), metadata=metadata)])
    outputs.tidy(notebook)
    return notebook, list(outputs.problems(notebook))


def stream(text, name="stdout"):
    return new_output("stream", name=name, text=text)


def shown(**data):
    return new_output("display_data", data={key.replace("_", "/", 1): value for key, value in data.items()})


def test_progress_bars_go():
    bar = "\rtrain:  50%|#####     | 1/2 [00:00<00:00, 9.1it/s, loss=1]\n"
    notebook, found = cell_with(stream("a\n"), stream(bar, "stderr"))
    assert not found and [o.text for o in notebook.cells[0].outputs] == ["a\n"]


def test_a_warning_among_progress_bars_is_not_lost():
    _, found = cell_with(stream("100%|##| 2/2 [00:00<00:00]\nUserWarning: careful\n", "stderr"))
    assert len(found) == 1 and "careful" in found[0]


def test_widgets_leave_only_their_static_form():
    view = "application/vnd.jupyter.widget-view+json"
    bare = new_output("display_data", data={view: {}, "text/plain": "HBox(...)"})
    rich = new_output("display_data", data={view: {}, "text/plain": "x", "text/html": "<b>static</b>"})
    notebook, found = cell_with(bare, rich)
    assert not found
    assert [set(o.data) for o in notebook.cells[0].outputs] == [{"text/plain", "text/html"}]


def test_a_figure_becomes_an_image_with_the_lessons_alt_text():
    tag = f'<img class="course-figure" style="max-width: 100%" alt="made up" src="data:image/png;base64,{PIXEL}">'
    notebook, found = cell_with(shown(text_html=tag, text_plain="made up"), alt="written by hand")
    (output,) = notebook.cells[0].outputs
    assert not found and output.data == {"image/png": PIXEL, "text/plain": "written by hand"}
    assert output.metadata == {"image/png": {"alt": "written by hand"}}
    assert cell_with(shown(text_html=tag))[1], "the automatic alt text does not replace a written one"


def test_solutions_find_the_glossary(tmp_path):
    text = "# %% [markdown]\n# A [tensor](glossary.md#tensor) in [lesson 2](02_next.ipynb).\n"
    stubs, solved = write(tmp_path, text).notebooks(None)
    assert "(glossary.md#tensor)" in stubs.cells[0].source
    assert "(../glossary.md#tensor)" in solved.cells[0].source and "(02_next.ipynb)" in solved.cells[0].source


def test_several_pictures_need_several_alt_texts():
    pictures = [shown(image_png=PIXEL), shown(image_jpeg=encoded(Image.new("RGB", (1, 1)), "JPEG"))]
    assert len(cell_with(*pictures, alt="one text for two")[1]) == 2
    notebook, found = cell_with(*pictures, alt=["a", "b"])
    assert not found and notebook.cells[0].outputs[1].metadata["image/jpeg"]["alt"] == "b"


def test_a_picture_may_bring_its_own_alt_text():
    own = shown(image_png=PIXEL)
    own.metadata["image/png"] = {"alt": "mine"}
    assert not cell_with(own)[1]
    assert not cell_with(shown(text_html='<img src="x" alt="mine">'))[1]
    assert cell_with(shown(text_html='<img src="x" alt="">'))[1]


def test_the_headers_alt_text_wins():
    own = shown(image_png=PIXEL)
    own.metadata["image/png"] = {"alt": "old"}
    notebook, _ = cell_with(own, alt="new")
    (output,) = notebook.cells[0].outputs
    assert output.metadata["image/png"]["alt"] == output.data["text/plain"] == "new"


def encoded(picture: Image.Image, kind: str, **options) -> str:
    stream = BytesIO()
    picture.save(stream, kind, **options)
    return b64encode(stream.getvalue()).decode()


def decoded(content: str) -> Image.Image:
    return Image.open(BytesIO(b64decode(content)))


def chart() -> Image.Image:
    picture = Image.new("RGBA", (300, 200))
    draw = ImageDraw.Draw(picture)
    for i in range(200):
        draw.line((0, i, 299, 199 - i // 2), fill=(i, 60, 200, 255))
    draw.rectangle((100, 20, 200, 60), fill="red")
    return picture


def photo() -> Image.Image:
    noise = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((300, 200), Image.Resampling.BICUBIC)


@pytest.mark.parametrize(
    ("content", "kind", "new_kind"),
    [
        (encoded(chart(), "PNG"), "image/png", "image/png"),
        (encoded(photo(), "PNG"), "image/png", "image/jpeg"),
        (encoded(photo(), "JPEG", quality=95), "image/jpeg", "image/jpeg"),
    ],
)
def test_figures_are_stored_small_and_the_same_ever_after(content, kind, new_kind):
    figure = shown(**{kind.replace("/", "_"): content})
    figure.metadata[kind] = {"alt": "its own", "width": 3}
    notebook, found = cell_with(figure)
    (output,) = notebook.cells[0].outputs
    assert not found and set(output.data) == {new_kind}
    assert output.metadata == {new_kind: {"alt": "its own", "width": 3}}
    assert len(output.data[new_kind]) < 0.8 * len(content)
    before = deepcopy(notebook)
    outputs.tidy(notebook)
    assert notebook == before


def test_a_chart_keeps_its_colours_and_stands_on_white():
    _, content = smaller("image/png", encoded(chart(), "PNG"))
    drawn = decoded(content).convert("RGB")
    assert drawn.getpixel((150, 40)) == (255, 0, 0)
    assert drawn.getpixel((299, 0)) == (255, 255, 255)


def test_a_picture_that_would_grow_stays():
    assert smaller("image/png", PIXEL) == ("image/png", PIXEL)


@pytest.mark.parametrize("place", ["home", "root", "Users", "tmp"])
def test_paths_of_a_machine_are_problems(place):
    for path in (f"/{place}/me", rf"C:\{place}\me") if place == "Users" else (f"/{place}/me",):
        assert path in cell_with(stream(f"saved to {path}\n"))[1][0]
    assert not cell_with(stream(f"https://example.org/{place}/x, ./{place}/x\n"))[1]


def test_a_notebook_too_large_for_the_web_fails(tmp_path):
    with pytest.raises(CourseError, match="at most 500,000"):
        build.build(write(tmp_path, f"# %%\nx = '{'a' * 500_000}'\n"), profile="smoke", execute=False)


def test_a_kept_picture_gets_the_headers_new_alt_text_and_few_bytes(lesson):
    stubs = lesson.targets[0]
    notebook = read(stubs)
    large = encoded(chart(), "PNG")
    list(outputs.code_cells(notebook))[2].outputs[0].data["image/png"] = large
    nbformat.write(notebook, stubs)
    lesson.source.write_text(LESSON.replace("One red pixel", "A red box"))
    result = run("--root", str(lesson.root))
    assert "01_sample: all outputs kept, nothing executed" in result.output
    (picture,) = code(stubs)[1].outputs
    assert picture.metadata["image/png"]["alt"] == picture.data["text/plain"] == "A red box"
    assert len(picture.data["image/png"]) < 0.8 * len(large)
    assert run("--root", str(lesson.root), "--check").exit_code == 0


def test_a_kept_picture_whose_header_lost_its_alt_text_fails_the_build(lesson):
    lesson.source.write_text(LESSON.replace(' alt="One red pixel"', ""))
    with pytest.raises(CourseError, match="image/png without alt text"):
        build.build(lesson, profile="standard")


def test_fresh_executes_what_could_be_kept(lesson):
    assert "01_sample: all outputs kept" in run("--root", str(lesson.root), "01").output
    assert "01_sample: all outputs new" in run("--root", str(lesson.root), "01", "--fresh").output
