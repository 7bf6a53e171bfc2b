"""Parts of a page that a tool writes, between two marks that a reader of the page does not see."""

from __future__ import annotations

import re

from course_utils.errors import CourseError


def between(page: str, name: str, text: str) -> str:
    """A page with another text between the marks of a name.

    Raises:
        CourseError: The page has no such marks.
    """
    marks = re.compile(rf"(<!-- {name}: written by [^>]+ -->\n).*?(\n<!-- end of {name} -->)", re.DOTALL)
    new, found = marks.subn(lambda match: f"{match[1]}{text}{match[2]}", page)
    if found != 1:
        raise CourseError(
            f"The page has {found} places marked {name!r}; expected one, <!-- {name}: written by ... -->."
        )
    return new
