"""TEACHING.md: routes that add up and run, questions that work in a room, answers that are the checks' own."""

from __future__ import annotations

import ast
import re
import symtable
from datetime import timedelta
from functools import cache
from pathlib import Path

import nbformat
import pytest

import routes
from build import Lesson
from course_utils.notebook.execute import execute
from course_utils.notebook.runner import find_lessons
from time_sections import BEFORE, LAST, read_plan, sections_of

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "TEACHING.md").read_text(encoding="utf-8")
ROUTES, CUT = routes.read_routes(), read_plan()["cut"]
LONGEST_SITTING, SHORTEST_PAUSE = 90, 10
SHARE_OF_WAITING = 0.5
LESSONS = {lesson.stem[:2]: lesson for lesson in find_lessons([], ROOT / "lessons", suffix=".py")}
PAGES = {
    f"{int(number):02d}": text
    for number, text in re.findall(
        r"^### ([0-9]+)\. [^\n]+\n(.*?)(?=^### |^## )", PAGE, re.MULTILINE | re.DOTALL
    )
}


@cache
def notebook(number: str) -> nbformat.NotebookNode:
    """A lesson with its stubs, as people begin it, not executed."""
    return nbformat.from_dict(Lesson(LESSONS[number]).notebooks(None)[0])


@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES)
def test_a_route_adds_up_and_nobody_sits_too_long(route):
    assert sum(block.minutes for block in route.blocks) == route.minutes
    sitting = 0
    for block in route.blocks:
        sitting = 0 if block.pause and block.minutes >= SHORTEST_PAUSE else sitting + block.minutes
        assert sitting <= LONGEST_SITTING, f"{sitting} minutes without a break, up to: {block.what}"
    assert [block.lesson for block in route.blocks if block.lesson] == sorted(
        block.lesson for block in route.blocks if block.lesson
    )


@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES)
def test_people_have_time_while_the_processor_works(route):
    """On the slower kind of processor, half of a block at most is waiting."""
    measured = routes.read_measured()[routes.SLOWER]["lessons"]
    for block in route.blocks:
        waiting = timedelta(seconds=routes.seconds_of(block, measured, begun=False))
        assert waiting <= SHARE_OF_WAITING * timedelta(minutes=block.minutes), block


def test_the_clock_of_a_table():
    blocks = (
        routes.Block(50, "Begin", "03", (1, 2, 3, 5)),
        routes.Block(20, "Break", pause=True),
        routes.Block(15, "Go on", "03", (6,)),
    )
    seconds = {BEFORE: 30.0, "1": 10.0, "2": 20.0, "3": 0.0, "4": 100.0, "5": 60.0, "6": 90.0}
    measured = {routes.SLOWER: {"lessons": {"03": {"seconds": seconds}}}}
    assert routes.table(routes.Route("09:40", 85, blocks), measured).splitlines()[2:] == [
        "| 09:40 | **Lesson 3**, sections 1 to 3, 5. Begin | 50 | 2.0 |",
        "| 10:30 | Break | 20 |  |",
        "| 10:50 | **Lesson 3**, section 6. Go on | 15 | 1.5 |",
        "| 11:05 | End | **85** | **3.5** |",
    ]


def headings(number: str) -> set[int]:
    """The numbers of a lesson's sections."""
    text = "\n".join(cell.source for cell in notebook(number).cells if cell.cell_type == "markdown")
    return set(map(int, re.findall(r"^## ([0-9]+)\. ", text, re.MULTILINE)))


def shown() -> dict[tuple[str, tuple[int, ...]], str]:
    """The sections of a lesson that some route shows, where it leaves out one before: these alone could fail."""
    found = {}
    for name, route in ROUTES.items():
        for number, sections in route.shown.items():
            if sections != set(range(1, max(sections) + 1)):
                found[number, tuple(sorted(sections))] = f"{name}-{number}"
    return found


def globals_of(source: str) -> tuple[set[str], set[str]]:
    """The names that a cell gives a value to, and those that it looks up, in its functions, too."""
    top = symtable.symtable(source, "cell", "exec")
    given = {
        symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned() or symbol.is_imported()
    }
    asked = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced()}
    inner = list(top.get_children())
    while inner:
        table = inner.pop()
        asked |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global()}
        inner += table.get_children()
    return given, asked


def missing(number: str, cut: set[int]) -> set[str]:
    """The names of a lesson that only its sections in ``cut`` give a value to, and that others before the appendix use."""
    cells = [c.source for c in notebook(number).cells if c.cell_type == "code" and c.source.strip()]
    given: dict[bool, set[str]] = {True: set(), False: set()}
    used: set[str] = set()
    for section, source in zip(sections_of(notebook(number)), cells, strict=True):
        here, asked = globals_of(source)
        out = section in map(str, cut)
        given[out] |= here
        if not out and section != LAST:
            used |= asked
    return used & (given[True] - given[False])


@pytest.mark.parametrize("number", PAGES)
def test_what_is_left_uses_nothing_of_what_is_cut(number):
    for cut in [set(CUT[number]), *({section} for section in CUT[number])]:
        assert missing(number, cut) == set(), cut


def test_a_cut_that_breaks_a_later_section_is_noticed():
    assert (
        "engines" in missing("08", {5})
        and "definitions" in missing("01", {1})
        and "fit" in missing("04", {5})
    )


@pytest.mark.long
@pytest.mark.parametrize(("number", "sections"), shown(), ids=shown().values())
def test_what_a_route_shows_runs_without_what_it_leaves_out(number, sections, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_OUT", str(tmp_path / "out"))
    whole = nbformat.from_dict(notebook(number))
    kept = {BEFORE, *map(str, sections)}
    of_cells = iter(sections_of(whole))
    whole.cells = [
        cell
        for cell in whole.cells
        if cell.cell_type == "code" and cell.source.strip() and next(of_cells) in kept
    ]
    execute(whole, folder=tmp_path, profile="smoke")


@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES)
def test_a_route_names_sections_that_there_are(route):
    for number, sections in route.shown.items():
        assert sections <= headings(number), number


@pytest.mark.parametrize("number", PAGES)
def test_a_cut_names_the_sections_that_are_tried(number):
    told = re.search(r"\*\*Cut\.\*\*(.*?)\n\n", PAGES[number], re.DOTALL)[1].partition(". In a hurry")[0]
    told = told.partition("For the half day")[0].partition("Keep ")[0]
    named = re.findall(r"[Ss]ections? ([0-9]+(?:(?:, | and )[0-9]+)*)", told)
    assert {int(one) for group in named for one in re.findall("[0-9]+", group)} == set(CUT[number])
    assert set(CUT[number]) <= headings(number)


@pytest.mark.parametrize("kind", routes.read_measured())
def test_what_was_measured_are_the_sections_that_there_are(kind):
    measured = routes.read_measured()[kind]["lessons"]
    assert set(measured) == set(LESSONS)
    for number, found in measured.items():
        assert set(found["seconds"]) - {LAST} == set(sections_of(notebook(number))) - {LAST}, number


def test_every_lesson_has_its_page():
    assert list(PAGES) == list(LESSONS)
    for text in PAGES.values():
        order = [
            "**Goal.**",
            "**Say.**",
            "**Ask 1**, ",
            "**Ask 2**, ",
            "**Where people are stuck**",
            "**While it runs.**",
            "**Cut.**",
            "you should see",
        ]
        places = [text.index(part) for part in order]
        assert places == sorted(places)


@pytest.mark.parametrize("number", PAGES)
def test_questions_have_four_answers_and_each_wrong_one_is_explained(number):
    asked = re.findall(r"\*\*Ask [12]\*\*, (.*?)\*\*Right: ([A-D])\.\*\*(.*?)\n\n", PAGES[number], re.DOTALL)
    assert len(asked) == 2
    for question, right, why in asked:
        assert re.findall(r"^- ([A-D])\. ", question, re.MULTILINE) == list("ABCD")
        explained = set(re.findall(r"\b([A-D])(?=(?: and [A-D])?: )", why)) | set(
            re.findall(r"and ([A-D]): ", why)
        )
        assert explained == set("ABCD") - {right}


def test_the_right_letters_vary():
    letters = re.findall(r"\*\*Right: ([A-D])\.\*\*", PAGE)
    assert len(letters) == 2 * len(LESSONS)
    assert all(letters.count(letter) >= len(letters) // 8 for letter in "ABCD"), letters
    pairs = list(zip(letters[::2], letters[1::2], strict=True))
    assert all(one != other for one, other in pairs)


def said_by(file: Path) -> dict[str, str]:
    """The texts of each exercise's check, which ``@exercise(check, ...)`` names, with those that all checks share."""
    body = ast.parse(file.read_text(encoding="utf-8")).body
    check_of = {
        part.name: part.decorator_list[0].args[0].id
        for part in body
        if isinstance(part, ast.FunctionDef) and part.decorator_list
    }
    texts: dict[str, str] = {}
    for part in body:
        check = getattr(part, "name", "")
        name = check if check in check_of.values() else ""
        for node in ast.walk(part):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts[name] = f"{texts.get(name, '')}\n{node.value}"
    return {exercise: texts[check] + texts[""] for exercise, check in check_of.items()}


@pytest.mark.parametrize("number", PAGES)
def test_what_the_checks_are_said_to_say_they_say(number):
    quoted = re.findall(r'^\| [0-9]+\.([0-9]) "(.+?)" \| ', PAGES[number], re.MULTILINE)
    assert len(quoted) >= 3
    names = re.findall(r'exercise="(\w+)"', LESSONS[number].read_text(encoding="utf-8"))
    topic = LESSONS[number].stem.partition("_")[2]
    said = said_by(ROOT / "course_utils" / "lessons" / topic / "exercises.py")
    assert [text for place, text in quoted if text not in said[names[int(place) - 1]]] == []


def test_lesson_4_says_what_it_takes_from_lessons_before():
    """Each word of a training that somebody who begins there may not know leads to the glossary."""
    text = " ".join(
        line.removeprefix("# ") for line in LESSONS["04"].read_text(encoding="utf-8").splitlines()
    )
    beginning = text[: text.index("## 1.")]
    assert "Do you begin here?" in beginning
    for term in ("train", "val", "test", "batch", "loss", "gradient", "optimiser", "parameter"):
        assert f"(glossary.md#{term})" in beginning, term
    for term in ("schedule", "learning-rate", "epoch", "batchnorm", "logits", "head", "linear-probe"):
        assert f"(glossary.md#{term})" in text, term
