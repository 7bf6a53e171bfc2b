"""Measure how much work each lesson is, for the preflight of lesson 0: writes results/lesson_times.json.

    python tools/time_lessons.py           time all lessons
    python tools/time_lessons.py 03 04     time these, keep the others

Run it on a machine that does nothing else. Each lesson runs twice, in the smoke and in the standard profile; what
dominates its time is in its source's header: ``borrowed_feathers: {workload: scratch}``.
"""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Annotated

import jupytext
import nbformat
import typer

from build import ROOT, Lesson
from course_utils import runtime
from course_utils.files import replacing
from course_utils.notebook import preflight
from course_utils.notebook.execute import execute
from course_utils.notebook.runner import find_lessons


def header(source: Path) -> tuple[str, str]:
    """Title and dominating workload of a lesson."""
    notebook = jupytext.read(source)
    title = re.search(r"^# [0-9]+\. (.+)$", "\n".join(c.source for c in notebook.cells), re.MULTILINE)
    workload = notebook.metadata.get("borrowed_feathers", {}).get("workload", "none")
    if workload not in preflight.WORKLOADS or title is None:
        raise SystemExit(
            f"{source.name}: expected a title such as '# 3. ...' and a workload, one of "
            f"{', '.join(preflight.WORKLOADS)}, in the header; found {workload!r}."
        )
    return title[1], workload


def seconds(lesson: Lesson, profile: str) -> float:
    """Wall time of one run, with its kernel's start."""
    stubs, _ = lesson.notebooks(None)
    start = perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        execute(nbformat.from_dict(stubs), folder=Path(folder), profile=profile)
    return perf_counter() - start


def main(
    names: Annotated[list[str] | None, typer.Argument(help="Such as 03; none means all.")] = None,
) -> None:
    """Time lessons and write results/lesson_times.json."""
    file = ROOT / "results" / preflight.FILE
    known = preflight.read_times(file)
    speeds = preflight.measure()
    typer.echo({name: round(speed, 1) for name, speed in speeds.items()})
    for source in find_lessons(names or [], ROOT / "lessons", suffix=".py"):
        title, workload = header(source)
        smoke, standard = (seconds(Lesson(source), profile) for profile in ("smoke", "standard"))
        typer.echo(f"{source.stem}: {smoke:.0f} s smoke, {standard:.0f} s standard")
        known[source.stem[:2]] = preflight.lesson_time(
            title, workload, smoke=smoke, standard=standard, speed=speeds[workload]
        )
    content = {
        "versions": runtime.versions(),
        "speeds": speeds,
        "lessons": {number: asdict(time) for number, time in sorted(known.items())},
    }
    with replacing(file) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
