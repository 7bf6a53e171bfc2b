"""Exercises answer whatever a learner hands in, kindly and without raising."""

from __future__ import annotations

import importlib
import subprocess
import sys
from types import SimpleNamespace

import pytest

from course_utils.notebook import notes
from course_utils.notebook.checks import NotYet, exercise


def check_double(answer):
    if answer(3) == 9:
        raise NotYet("That is the square. Twice 3 is 6.")
    if answer(3) != 6:
        raise AssertionError("Twice 3 is 6.")
    return "Adding a number to itself does it too."


@pytest.fixture
def double():
    @exercise(check_double, "Think of 2.", "x * 2")
    def double(x):
        """Twice x."""
        return x + x

    return double


def judged_by(check_answer):
    """An exercise with this check."""

    def rate():
        return 0.1

    return exercise(check_answer)(rate)


@pytest.fixture
def says(double, capsys):
    """What the check of one answer prints; asserts that it didn't solve the exercise or write to stderr."""

    def said(*answers):
        assert not double.check(*answers)
        out, err = capsys.readouterr()
        assert out.startswith("Not yet: ") and not err
        return out

    return said


def test_right_answer(double, capsys):
    verdict = double.check(lambda x: 2 * x)
    assert verdict and verdict.solved
    assert capsys.readouterr().out == "Correct: Adding a number to itself does it too.\n"


def test_wrong_answer_gets_the_message_written_for_it(says):
    assert "That is the square" in says(lambda x: x * x)
    assert says(lambda x: 7).endswith("Twice 3 is 6.\n")


def test_assertion_without_a_message_shows_what_should_hold(tmp_path, monkeypatch, capsys):
    (tmp_path / "positive_check.py").write_text("def check(rate):\n    assert rate > 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    check = importlib.import_module("positive_check").check
    assert not judged_by(check).check(-1)
    assert capsys.readouterr().out == "Not yet: This should hold: `assert rate > 0`\n"


def stub(x):
    return ...


def commented_stub(x):
    """To do."""
    # to do
    return ...


def half_written(x):
    twice = ...
    return twice  # noqa: RET504 - what a learner may leave half done


def abstract_stub(x):
    raise NotImplementedError


@pytest.mark.parametrize(
    "answer", [stub, commented_stub, half_written, abstract_stub, ..., None, [1, ...], {"x": ...}]
)
def test_stub_is_not_an_error(says, answer):
    out = says(answer)
    assert "`double` is still to be written" in out and "Error" not in out


def test_a_gap_in_what_is_returned(says):
    def answer(x):
        return [x, ...]

    assert "`answer` returned `...`: a part of it is still to be written" in says(answer)


def test_forgotten_return(capsys):
    def answer(x):
        x * 2

    assert not judged_by(lambda f: f"{f(3):.1f}").check(answer)
    assert "`answer` returned `None`. Is a `return` missing?" in capsys.readouterr().out


def test_returning_none_may_be_right(capsys):
    def check_fill(answer):
        numbers = []
        answer(numbers)
        assert numbers == [1]

    assert judged_by(check_fill).check(lambda numbers: numbers.append(1))


def test_exception_is_explained_with_the_learners_line(says):
    def answer(x):
        table = {"three": 6}
        return table[x]  # this line

    out = says(answer)
    assert "KeyError: 3" in out and "return table[x]  # this line" in out


def test_line_is_the_learners_even_when_a_library_raises(says):
    def answer(x):
        return SimpleNamespace(**subprocess.run)

    assert "return SimpleNamespace(**subprocess.run)" in says(answer)


class Unfriendly:
    def __getattribute__(self, name):
        raise RuntimeError(name)


class Mute(Exception):
    def __str__(self):
        raise ValueError


def leave(x):
    raise SystemExit(1)


def recurse(x):
    return recurse(x)


def be_mute(x):
    raise Mute


@pytest.mark.parametrize("answer", [Unfriendly, 3, "x", len, leave, recurse, be_mute, Mute()])
def test_nothing_makes_a_check_raise(says, answer):
    says(answer)


def test_nor_does_an_object_that_refuses_every_question(says):
    says(Unfriendly())


def test_wrong_number_of_answers(says):
    assert "`double.check(answer)`" in says()
    assert "2 answers" in says(stub, stub)


def test_the_learners_interrupt_gets_through(double):
    def answer(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        double.check(answer)


def test_hints_come_in_order_then_end(double, capsys):
    for _ in range(4):
        double.hint()
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["Hint 1 of 2: Think of 2.", "Hint 2 of 2: x * 2"]
    assert lines[2] == lines[3] and lines[2].startswith("No more hints")


def test_solution_takes_the_exercises_name(double, capsys):
    assert double.solution_code() == 'def double(x):\n    """Twice x."""\n    return x + x'
    double.solution()
    assert "def double(x):" in capsys.readouterr().out


def test_notebook_gets_html_and_text(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
    monkeypatch.setitem(
        sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=1))
    )
    notes.show_note("Not yet", "`a < b`, see\n2.", code="x < 1")
    assert shown[0]["text/plain"] == "Not yet: `a < b`, see\n2.\n\nx < 1"
    assert "<strong>Not yet:</strong> <code>a &lt; b</code>, see<br>2." in shown[0]["text/html"]
    assert "<pre><code>x &lt; 1</code></pre>" in shown[0]["text/html"]


def test_an_answer_that_goes_on_and_on_is_cut():
    def refuse(answer):
        raise NotYet(f"It returned {answer()!r}.")

    verdict = judged_by(refuse).check(lambda: "x" * 10**6)
    assert len(verdict.message) == 600 and verdict.message.endswith("xxx ...")


def test_importing_is_light():
    code = "import course_utils.notebook.checks, sys; print({'torch', 'IPython'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_a_right_answer_is_used_and_a_wrong_one_replaced(double, capsys):
    def theirs(x):
        return 2 * x

    assert double.use(theirs) is theirs
    assert capsys.readouterr().out == "double: yours is used.\n"
    for answer in (stub, lambda x: x * x, None, 3):
        assert double.use(answer)(3) == 6
        assert capsys.readouterr().out == "double: not solved yet, so the course's own is used.\n"
