"""Measure how long each section of a lesson runs, and keep numbers that it prints, for TEACHING.md: results/sections.json.

    python tools/time_sections.py           run all lessons
    python tools/time_sections.py 03 04     run these, keep the others

Run it on a machine that does nothing else. What is kept belongs to the precision that the course takes there: run it once
on a processor without bf16, and once on one that has it. docs/routes.toml says which numbers are kept.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import nbformat
import typer
from nbformat import NotebookNode

from build import ROOT, Lesson
from course_utils import runtime
from course_utils.files import replacing
from course_utils.notebook import preflight
from course_utils.notebook.execute import execute
from course_utils.notebook.runner import find_lessons
from course_utils.training.hardware import resolve_precision

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = ROOT / "results" / "sections.json"
PLAN = ROOT / "docs" / "routes.toml"
BEFORE, LAST = "0", "appendix"
"""Sections of the cells before the first heading with a number, and of those behind the last."""


def read_plan(file: Path = PLAN) -> dict[str, Any]:
    """What docs/routes.toml holds."""
    return tomllib.loads(file.read_text(encoding="utf-8"))


def sections_of(notebook: NotebookNode) -> list[str]:
    """The number of the section of each code cell that runs; ``"0"`` before the first, ``"appendix"`` behind the last."""
    section, found = BEFORE, []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for heading in re.findall(r"^## (.+)$", cell.source, re.MULTILINE):
                number = re.match(r"([0-9]+)\. ", heading)
                section = number[1] if number else LAST
        elif cell.source.strip():
            found.append(section)
    return found


def seen(notebook: NotebookNode, patterns: list[list[str]]) -> dict[str, str]:
    """The numbers that an executed notebook printed.

    Args:
        notebook: The notebook.
        patterns: A name, and what the printed line looks like, with a group around each number.

    Raises:
        SystemExit: Nothing that was printed looks like that.
    """
    text = "".join(
        output.text
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream" and output.name == "stdout"
    )
    found = {}
    for name, pattern in patterns:
        match = re.search(pattern, text)
        if match is None:
            raise SystemExit(f"The lesson prints nothing like {pattern!r}, which {PLAN.name} looks for.")
        found[name] = ", ".join(match.groups())
    return found


def run(lesson: Lesson, patterns: list[list[str]]) -> dict[str, Any]:
    """Seconds of each section and of the longest cell, and the numbers that were printed."""
    notebook = nbformat.from_dict(lesson.notebooks(None)[0])
    began: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        execute(
            notebook, folder=Path(folder), profile="standard", on_cell=lambda *_: began.append(perf_counter())
        )
    # The last cell is the quiz or a sentence: it counts as nothing, because the kernel's end would count with it.
    took = [*(after - before for before, after in pairwise(began)), 0.0]
    seconds: dict[str, float] = {}
    for section, of_cell in zip(sections_of(notebook), took, strict=True):
        seconds[section] = seconds.get(section, 0.0) + of_cell
    return {
        "seconds": {section: round(total, 1) for section, total in seconds.items()},
        "longest_cell": round(max(took), 1),
        "seen": seen(notebook, patterns),
    }


def main(
    names: Annotated[list[str] | None, typer.Argument(help="Such as 03; none means all.")] = None,
) -> None:
    """Run lessons and write results/sections.json."""
    kept = json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}
    patterns = read_plan()["see"]
    here = kept.setdefault(resolve_precision(device=runtime.best_device()), {"lessons": {}})
    if not names:
        here["pictures_per_second"] = round(preflight.measure()["forward"], 1)
    for source in find_lessons(names or [], ROOT / "lessons", suffix=".py"):
        number = source.stem[:2]
        here["lessons"][number] = found = run(Lesson(source), patterns[number])
        typer.echo(f"{source.stem}: {sum(found['seconds'].values()):.0f} s, {found['seconds']}")
        here["lessons"] = dict(sorted(here["lessons"].items()))
        with replacing(FILE) as temporary:
            temporary.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
