"""Exercises that check themselves, give hints and show a solution.

A lesson leaves a stub, and the learner asks about it::

    exercises.best_l2.check(best_l2)
    exercises.best_l2.hint()
    exercises.best_l2.solution()
    chosen = exercises.best_l2.use(best_l2)  # what the lesson goes on with

Whatever the learner hands in, nothing here raises: a notebook runs to its end with every stub unsolved.
"""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from types import FunctionType
from typing import Any, SupportsFloat

from course_utils.notebook.notes import show_note

CORRECT, NOT_YET = "Correct", "Not yet"


class NotYet(Exception):
    """Raised by a check: the answer is not right yet, and the message says what to think about next."""


@dataclass(frozen=True)
class Verdict:
    """What a check found, already shown; true when the exercise is solved.

    Attributes:
        solved: Whether the answer is right.
        message: Praise, or what to think about next.
    """

    solved: bool
    message: str

    def __bool__(self) -> bool:
        return self.solved

    def _ipython_display_(self) -> None:
        """A cell that ends in ``check()`` has shown the verdict: don't show it twice."""


@dataclass(frozen=True, repr=False)
class Exercise:
    """One exercise: how to check an answer, and what helps to find one. :func:`exercise` makes it.

    Attributes:
        answer: A solution, named like the exercise.
        check_answer: Gets the learner's answer or answers. Raises :class:`NotYet` or ``AssertionError``, whose
            message the learner reads; returns a sentence that explains why the answer is right, or ``None``.
        hints: From a nudge to nearly everything.
    """

    answer: Callable[..., Any]
    check_answer: Callable[..., str | None]
    hints: tuple[str, ...] = ()
    _asked: Iterator[int] = field(default_factory=count, init=False, compare=False)

    @property
    def name(self) -> str:
        """Name of what the learner writes."""
        return self.answer.__name__

    def check(self, *answers: Any) -> Verdict:
        """Show whether the answer is right, and if not, what to think about next.

        Args:
            *answers: What the learner wrote.

        Returns:
            The verdict: true in an ``if`` when the exercise is solved.
        """
        verdict = _judge(self, answers)
        show_note(CORRECT if verdict.solved else NOT_YET, verdict.message)
        return verdict

    def use(self, answer: Any) -> Any:
        """What the lesson goes on with: the learner's answer where it is right, otherwise the course's. Says which.

        Args:
            answer: What the learner wrote.
        """
        if _judge(self, (answer,)).solved:
            print(f"{self.name}: yours is used.")
            return answer
        print(f"{self.name}: not solved yet, so the course's own is used.")
        return self.answer

    def hint(self) -> None:
        """Show the next hint."""
        number = next(self._asked)
        if number < len(self.hints):
            show_note(f"Hint {number + 1} of {len(self.hints)}", self.hints[number])
        else:
            show_note("No more hints", f"`.solution()` shows how `{self.name}` can be written.")

    def solution(self) -> None:
        """Show one way to solve the exercise."""
        show_note("Solution", "one way to write it.", code=self.solution_code())

    def solution_code(self) -> str:
        """Source of the solution, ready to take the place of the stub."""
        source = textwrap.dedent(inspect.getsource(self.answer))
        first = ast.parse(source).body[0].lineno  # of the def: decorators stand above
        return "\n".join(source.splitlines()[first - 1 :]).strip()

    def __repr__(self) -> str:
        return f"Exercise {self.name}: .check(your answer), .hint(), .solution()"


def exercise(
    check_answer: Callable[..., str | None], *hints: str
) -> Callable[[Callable[..., Any]], Exercise]:
    """Make a solution the exercise that it solves::

        @exercise(_check_double, "Think of 2.")
        def double(x):
            return 2 * x

    Args:
        check_answer: Judges a learner's answer, see :class:`Exercise`.
        *hints: From a nudge to nearly everything.
    """
    return lambda answer: Exercise(answer, check_answer, hints)


def one_number(found: Any) -> float:
    """What an answer returned, if it is one number.

    Raises:
        NotYet: It is something else, such as a text, a list or nothing.
    """
    if found is None:
        raise NotYet("It returned `None`. Is a `return` missing?")
    if getattr(found, "ndim", 0) == 0 and isinstance(found, SupportsFloat):
        return float(found)
    raise NotYet(f"It returned a value of type `{type(found).__name__}`; expected one number.")


class _Watch:
    """Calls the learner's functions on the check's behalf and remembers when one returned nothing."""

    def __init__(self, exercise: Exercise) -> None:
        self._exercise = exercise
        self.returned_none: str | None = None

    def wrap(self, answer: Any) -> Any:
        """A stand-in for a function; anything else as it is."""
        if not isinstance(answer, FunctionType):
            return answer

        @functools.wraps(answer)
        def call(*args: Any, **kwargs: Any) -> Any:
            result = answer(*args, **kwargs)
            if result is ...:
                raise NotYet(_to_be_written(self._exercise))
            if _has_gap(result):
                raise NotYet(f"`{answer.__name__}` returned `...`: a part of it is still to be written.")
            if result is None:
                self.returned_none = answer.__name__
            return result

        return call


def _judge(exercise: Exercise, answers: tuple[Any, ...]) -> Verdict:
    """Run the check and turn whatever happens into a verdict. Only the learner's own interrupt gets through."""
    watch = _Watch(exercise)
    try:
        _require_attempt(exercise, answers)
        praise = exercise.check_answer(*map(watch.wrap, answers))
        return Verdict(True, praise if isinstance(praise, str) else "")
    except KeyboardInterrupt:
        raise
    except NotYet as error:
        return Verdict(False, _readable(str(error)))
    except BaseException as error:
        return Verdict(False, _readable(_explain(error, exercise, answers, watch)))


def _readable(message: str, most: int = 600) -> str:
    """The message, cut where an answer that it quotes goes on and on."""
    return message if len(message) <= most else f"{message[: most - 4]} ..."


def _require_attempt(exercise: Exercise, answers: tuple[Any, ...]) -> None:
    signature = inspect.signature(exercise.check_answer)
    try:
        signature.bind(*answers)
    except TypeError:
        expected = f"{exercise.name}.check({', '.join(signature.parameters)})"
        raise NotYet(f"Expected `{expected}`, but {len(answers)} answers were given.") from None
    if any(answer is None or _has_gap(answer) for answer in answers):
        raise NotYet(_to_be_written(exercise))


def _to_be_written(exercise: Exercise) -> str:
    return f"`{exercise.name}` is still to be written. Stuck? `.hint()` gives a nudge."


def _has_gap(value: Any) -> bool:
    """Whether ``...`` stands where a value should be."""
    if isinstance(value, dict):
        return any(part is ... for part in value.values())
    return value is ... or (isinstance(value, (tuple, list)) and any(part is ... for part in value))


def _explain(error: BaseException, exercise: Exercise, answers: tuple[Any, ...], watch: _Watch) -> str:
    """Say what went wrong in the learner's terms."""
    text, kind = _text(error), type(error).__name__
    what = textwrap.shorten(f"{kind}: {text}" if text else kind, 300, placeholder=" ...").rstrip(".")
    frame = _learners_frame(error, exercise, answers)
    if frame is not None and isinstance(error, NotImplementedError) and _raised_at(error, frame):
        return _to_be_written(exercise)
    if frame is not None:
        return f"Your code stopped with {what}. See line {frame.lineno} of it: `{frame.line}`"
    if isinstance(error, AssertionError):
        return text or f"This should hold: `{traceback.extract_tb(error.__traceback__)[-1].line}`"
    if isinstance(error, TypeError) and "not callable" in text and not all(map(callable, answers)):
        return f"`{exercise.name}` should be a function. Hand it over by its name, without calling it."
    if watch.returned_none is not None:
        return f"`{watch.returned_none}` returned `None`. Is a `return` missing?"
    return (
        f"The check could not work with your answer: {what}. "
        "Does it take the arguments, and give the kind of value, that the exercise asks for?"
    )


def _raised_at(error: BaseException, frame: traceback.FrameSummary) -> bool:
    """Whether this very line raises the error, rather than something that it calls."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return (last.filename, last.lineno) == (frame.filename, frame.lineno) and "raise" in (frame.line or "")


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:
        return ""


def _learners_frame(
    error: BaseException, exercise: Exercise, answers: tuple[Any, ...]
) -> traceback.FrameSummary | None:
    """The innermost line of the learner's own code that the error passed through, if it did."""
    modules = {"__main__"} | {a.__module__ for a in answers if type(a) in (FunctionType, type)}
    check = getattr(exercise.check_answer, "__code__", None)
    found = None
    for frame, line in traceback.walk_tb(error.__traceback__):
        if frame.f_globals.get("__name__") in modules and frame.f_code is not check:
            found = traceback.FrameSummary(frame.f_code.co_filename, line, frame.f_code.co_name)
    return found
