"""Whether what was handed in is a number, whoever made it: Python, NumPy or a table."""

from __future__ import annotations

import numbers
from collections.abc import Iterable

from course_utils.errors import CourseError


def is_whole(value: object) -> bool:
    """Whether it is a whole number; True and False are none."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Whether it is a real number; True, False and text are none."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def check_num_classes(value: object) -> None:
    """Raise a CourseError unless it is a number of classes, and say how to make one of names or text."""
    if is_whole(value) and value >= 1:
        return
    found, advice = repr(value), ""
    if isinstance(value, str):
        advice = f" To turn text into a number: int({value!r})." if value.strip().isdecimal() else ""
    elif isinstance(value, Iterable):
        advice = " If these are the names of the classes, give their number: len(classes)."
    found = found if len(found) <= 100 else f"{found[:100]}..."
    raise CourseError(f"num_classes is {found}; expected a whole number, 1 or more.{advice}")
