"""The tables of TEACHING.md: routes by their own clock, how long the processor takes, what a lesson should print.

docs/routes.toml says what a route holds, results/sections.json what was measured; tools/scoreboard.py writes it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import nbformat

from course_utils.notebook import preflight
from time_sections import BEFORE, FILE, LAST, PLAN, ROOT, read_plan, seen

LONG = 10
"""Seconds from which a room notices that it waits."""
SLOWER = "fp32"
"""The processors that routes are planned for: those without bf16."""
KINDS = {"fp32": "two cores without bf16", "bf16": "two cores with bf16"}


@dataclass(frozen=True)
class Block:
    """A piece of an afternoon.

    Attributes:
        minutes: Of people, an estimate.
        what: What they do.
        lesson: Number of a lesson, or empty.
        sections: Numbers of its sections.
        pause: Whether people leave their chairs.
    """

    minutes: int
    what: str
    lesson: str = ""
    sections: tuple[int, ...] = ()
    pause: bool = False


@dataclass(frozen=True)
class Route:
    """A way through the course.

    Attributes:
        begins: Clock time, such as ``13:00``.
        minutes: How long it is said to take.
        blocks: Its pieces, in order.
    """

    begins: str
    minutes: int
    blocks: tuple[Block, ...]

    @cached_property
    def shown(self) -> dict[str, set[int]]:
        """The sections that a room runs, by lesson."""
        found: dict[str, set[int]] = {}
        for block in self.blocks:
            if block.lesson:
                found.setdefault(block.lesson, set()).update(block.sections)
        return found


def read_routes(file: Path = PLAN) -> dict[str, Route]:
    """The routes by name."""
    return {
        name: Route(**{**fields, "blocks": tuple(Block(**block) for block in fields["blocks"])})
        for name, fields in read_plan(file).items()
        if "blocks" in fields
    }


def read_measured(file: Path = FILE) -> dict[str, Any]:
    """What was measured, by precision."""
    return json.loads(file.read_text(encoding="utf-8"))


def measured_speeds() -> dict[str, float]:
    """Pictures a second of the machine on which the work of the lessons was measured, which has bf16."""
    return json.loads((ROOT / "results" / preflight.FILE).read_text(encoding="utf-8"))["speeds"]


def seconds_of(block: Block, lessons: dict[str, Any], *, begun: bool) -> float:
    """How long the processor works in a block.

    Args:
        block: The block.
        lessons: What was measured of each lesson.
        begun: Whether an earlier block has run what stands before the first section.
    """
    if not block.lesson:
        return 0.0
    of_each = lessons[block.lesson]["seconds"]
    first = 0.0 if begun else of_each.get(BEFORE, 0.0)
    return first + sum(of_each.get(str(section), 0.0) for section in block.sections)


def table(route: Route, measured: dict[str, Any]) -> str:
    """A route as a Markdown table that adds up."""
    clock = datetime.strptime(route.begins, "%H:%M")
    lines = [
        "| clock | what | minutes | of these the computer works |",
        "|---|---|--:|--:|",
    ]
    begun: set[str] = set()
    processor = 0.0
    for block in route.blocks:
        seconds = seconds_of(block, measured[SLOWER]["lessons"], begun=block.lesson in begun)
        begun.add(block.lesson)
        processor += seconds
        where = ""
        if block.lesson:
            where = f"**Lesson {int(block.lesson)}**, {in_words(block.sections)}. "
        takes = f"{seconds / 60:.1f}" if block.lesson else ""
        lines.append(f"| {clock:%H:%M} | {where}{block.what} | {block.minutes} | {takes} |")
        clock += timedelta(minutes=block.minutes)
    people = sum(block.minutes for block in route.blocks)
    lines.append(f"| {clock:%H:%M} | End | **{people}** | **{processor / 60:.1f}** |")
    return "\n".join(lines)


def in_words(sections: tuple[int, ...]) -> str:
    """``sections 1 to 3, 5``."""
    runs: list[list[int]] = []
    for section in sections:
        if runs and section == runs[-1][-1] + 1:
            runs[-1].append(section)
        else:
            runs.append([section])
    parts = [f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs]
    return f"section{'s' if len(sections) > 1 else ''} {', '.join(parts)}"


def waits(number: str, measured: dict[str, Any]) -> str:
    """How long a lesson runs on both kinds of processor, and where a room waits on the slower one."""
    found = measured[SLOWER]["lessons"][number]
    fast = preflight.read_times()[number].minutes(measured_speeds())
    long = {
        section: seconds
        for section, seconds in found["seconds"].items()
        if seconds >= LONG and section not in (BEFORE, LAST)
    }
    where = ", ".join(f"{section} ({seconds:.0f} s)" for section, seconds in long.items()) or "none"
    minutes = sum(found["seconds"].values()) / 60
    return (
        f"Run whole, the lesson takes the computer {fast:.1f} minutes on {KINDS['bf16']}. On {KINDS[SLOWER]} it takes "
        f"{minutes:.1f} minutes, the longest cell {found['longest_cell']:.0f} seconds, and these sections {LONG} seconds or "
        f"more: {where}."
    )


def numbers(number: str, patterns: list[list[str]], measured: dict[str, Any]) -> str:
    """What a lesson printed: as its notebook is stored, and where it was run again."""
    (file,) = (ROOT / "notebooks").glob(f"{number}_*.ipynb")
    columns = {"stored in the notebook": seen(nbformat.read(file, as_version=4), patterns)}
    for kind, found in measured.items():
        if number in found["lessons"]:
            columns[KINDS[kind]] = found["lessons"][number]["seen"]
    lines = [f"| you should see, about | {' | '.join(columns)} |", f"|---|{'--:|' * len(columns)}"]
    for name, _ in patterns:
        lines.append(f"| {name} | {' | '.join(column[name] for column in columns.values())} |")
    return "\n".join(lines)


def machine(measured: dict[str, Any]) -> str:
    """What the minutes were measured on."""
    found = measured[SLOWER]
    return (
        f"The minutes in which the computer works are those of {KINDS[SLOWER]}: there EfficientNet-Lite0 names "
        f"{found['pictures_per_second']:.0f} pictures a second. (bf16 are numbers of 16 bits, which some newer processors "
        "compute faster; `course doctor` says whether yours does.) `course doctor --time` says what your machine will take."
    )


def parts() -> dict[str, str]:
    """Everything that is written into TEACHING.md, by the name of its mark."""
    measured = read_measured()
    found = {f"route {name}": table(route, measured) for name, route in read_routes().items()}
    for number, patterns in read_plan()["see"].items():
        found[f"lesson {number}"] = f"{waits(number, measured)}\n\n{numbers(number, patterns, measured)}"
    return {"machine": machine(measured), **found}
