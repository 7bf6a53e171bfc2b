"""The one place that imports Skia, so that its absence is explained once."""

from __future__ import annotations

from course_utils.errors import CourseError


class MissingSkiaError(CourseError, ImportError):
    """Skia can't be imported; only drawing needs it, never the lessons."""


try:
    import skia
except ImportError as error:
    raise MissingSkiaError(
        "Drawing birds needs skia-python: pip install -e '.[draw]'. "
        f"(import skia: {error}; on Debian and Ubuntu it also needs the packages libegl1 and libgl1.)"
    ) from error

__all__ = ["MissingSkiaError", "skia"]
