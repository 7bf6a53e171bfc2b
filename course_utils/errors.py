"""The one exception the course raises on purpose."""


class CourseError(Exception):
    """Something a learner can fix.

    The message says what was found, what was expected and how to fix it. The command line prints it
    without a traceback.
    """
