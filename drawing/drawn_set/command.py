"""How the commands that draw begin and share out their work."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import get_context
from typing import TypeVar

import typer

from course_utils.errors import CourseError

Item = TypeVar("Item")
Result = TypeVar("Result")


def run(app: typer.Typer) -> None:
    """Run a command: a CourseError is printed as one message, without a traceback."""
    try:
        app()
    except CourseError as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(2)


def in_processes(draw: Callable[[Item], Result], items: Sequence[Item], processes: int) -> Iterator[Result]:
    """What ``draw`` makes of each item, in their order, by so many processes at the same time; 1 is this one."""
    if processes == 1:
        yield from map(draw, items)
        return
    with get_context("spawn").Pool(processes) as pool:
        yield from pool.imap(draw, items)
