"""Quizzes mark themselves, can be read on paper, and ask sensible questions."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
from ipywidgets import HTML, RadioButtons

from course_utils import lessons
from course_utils.notebook.quiz import Option, Question, Quiz

TOPICS = [name for _, name, _ in pkgutil.iter_modules(lessons.__path__)]
QUESTION = Question(
    "Is `a < b`?", (Option("no", "Count again: 1 < 2."), Option("yes", "Because `1 < 2`.", right=True))
)


def parts(widget, kind):
    return [child for child in widget.children if type(child) is kind]


def test_choosing_shows_feedback_and_score():
    widget = Quiz(QUESTION, QUESTION).widget()
    first, second = parts(widget, RadioButtons)
    replies, score = parts(widget, HTML)[1:4:2], widget.children[-1]
    assert first.index is None and not score.value
    first.index = 0
    assert "Not yet" in replies[0].value and "1 &lt; 2" in replies[0].value and score.value == "0 of 2 right"
    first.index = 1
    second.value = "yes"
    assert "Correct" in replies[0].value and "<code>1 &lt; 2</code>" in replies[1].value
    assert score.value == "2 of 2 right"


def test_paper_form_folds_the_answer_away():
    page = Quiz(QUESTION).html()
    asked, _, answer = page.partition("<details>")
    assert "a &lt; b" in asked and "yes" in asked and "Because" not in asked
    assert "B) Because" in answer and "Count again" not in answer


def test_plain_form_without_a_notebook(capsys):
    Quiz(QUESTION)._ipython_display_()
    assert capsys.readouterr().out == "1. Is `a < b`?\n   A) no\n   B) yes\n"


def test_shown_as_a_widget_and_on_paper(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.get_ipython", lambda: type("Shell", (), {"kernel": True})())
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
    Quiz(QUESTION)._ipython_display_()
    assert {"text/plain", "text/html", "application/vnd.jupyter.widget-view+json"} <= shown[0].keys()


@pytest.mark.parametrize("right", [0, 2])
def test_a_question_has_one_right_answer(right):
    with pytest.raises(ValueError, match=f"{right} of them right"):
        Question("?", tuple(Option(str(i), "", right=i < right) for i in range(3)))


@pytest.mark.parametrize("topic", TOPICS)
def test_each_quiz(topic):
    quiz = importlib.import_module(f"{lessons.__name__}.{topic}.quiz").QUIZ
    assert 3 <= len(quiz.questions) <= 5
    for question in quiz.questions:
        assert 2 <= len(question.options) <= 4
        for option in question.options:
            assert len(option.text) <= 80 and "`" not in option.text, (
                "a radio button shows plain text on one line"
            )
            assert option.says and len(option.says) <= 160
    assert len({question.answer[0] for question in quiz.questions}) > 1, (
        "the answer is always the same letter"
    )
