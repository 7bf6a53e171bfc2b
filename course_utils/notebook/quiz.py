"""A short quiz that marks itself, and can be read with its answers folded away where widgets don't live."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from string import ascii_uppercase
from typing import TYPE_CHECKING

from course_utils.notebook.notes import inline_html

if TYPE_CHECKING:
    from ipywidgets import Widget


@dataclass(frozen=True)
class Option:
    """One answer to choose.

    Attributes:
        text: The answer, plain text.
        says: What to say to someone who chose it: why it is right, or what to think about again.
        right: Whether it is the right one.
    """

    text: str
    says: str
    right: bool = False


@dataclass(frozen=True)
class Question:
    """A question with one right answer.

    Attributes:
        text: What stands between backticks is set as code.
        options: Two or more, exactly one of them right.
    """

    text: str
    options: tuple[Option, ...]

    def __post_init__(self) -> None:
        right = sum(option.right for option in self.options)
        if len(self.options) < 2 or right != 1:
            raise ValueError(f"{self.text!r} has {len(self.options)} options, {right} of them right.")

    @property
    def answer(self) -> tuple[str, Option]:
        """The right option and its letter."""
        return next((c, o) for c, o in zip(ascii_uppercase, self.options, strict=False) if o.right)


class Quiz:
    """Questions to end a lesson with. A cell that ends in a quiz shows it."""

    def __init__(self, *questions: Question) -> None:
        self.questions = questions

    def widget(self) -> Widget:
        """Radio buttons that answer at once, and a count of what is right."""
        from ipywidgets import HTML, RadioButtons, VBox

        score, parts, buttons = HTML(), [], []

        def mark(question: Question, reply: HTML, change: dict) -> None:
            option = question.options[change["new"]]
            word = "Correct." if option.right else "Not yet."
            reply.value = f"<strong>{word}</strong> {inline_html(option.says)}"
            right = sum(
                b.index is not None and q.options[b.index].right
                for q, b in zip(self.questions, buttons, strict=True)
            )
            score.value = f"{right} of {len(self.questions)} right"

        for number, question in enumerate(self.questions, start=1):
            button = RadioButtons(
                options=[o.text for o in question.options], value=None, layout={"width": "max-content"}
            )
            reply = HTML()
            button.observe(partial(mark, question, reply), names="index")
            buttons.append(button)
            parts += [HTML(f"<strong>{number}.</strong> {inline_html(question.text)}"), button, reply]
        return VBox([*parts, score])

    def html(self) -> str:
        """The quiz on paper: questions and options, each answer folded away below."""
        return f"<ol>{''.join(map(_question_html, self.questions))}</ol>"

    def text(self) -> str:
        """Questions and options as plain text, without the answers."""
        lines = []
        for number, question in enumerate(self.questions, start=1):
            lines.append(f"{number}. {question.text}")
            lines += [f"   {c}) {o.text}" for c, o in zip(ascii_uppercase, question.options, strict=False)]
        return "\n".join(lines)

    def _ipython_display_(self) -> None:
        shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
        if not hasattr(shell, "kernel"):
            print(self.text())
            return
        from IPython.display import display

        data = self.widget()._repr_mimebundle_()
        display({**data, "text/html": self.html(), "text/plain": self.text()}, raw=True)


def _question_html(question: Question) -> str:
    options = "".join(f"<li>{inline_html(option.text)}</li>" for option in question.options)
    letter, right = question.answer
    answer = f"<details><summary>Answer</summary>{letter}) {inline_html(right.says)}</details>"
    return f'<li style="margin-bottom: 0.8em">{inline_html(question.text)}<ol type="A">{options}</ol>{answer}</li>'
