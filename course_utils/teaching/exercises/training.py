"""Exercises on training from scratch (lesson 3)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from course_utils.teaching.checks import Exercise, NotYet


def _check_guessing_loss(answer: Callable[[int], float]) -> str:
    for classes in (2, 12, 200):
        found, expected = answer(classes), math.log(classes)
        if math.isclose(found, expected, rel_tol=1e-3):
            continue
        if math.isclose(found, -expected, rel_tol=1e-3):
            raise NotYet(
                "The sign is the wrong way round: a loss counts what is missing, so it is never negative."
            )
        if math.isclose(found, 1 / classes, rel_tol=1e-3):
            raise NotYet("That is the probability of the right class. Cross-entropy is minus its logarithm.")
        if math.isclose(found, math.log2(classes), rel_tol=1e-3) or math.isclose(
            found, math.log10(classes), rel_tol=1e-3
        ):
            raise NotYet(
                "The right idea in another base: PyTorch's cross-entropy uses the natural logarithm."
            )
        raise NotYet(
            f"For {classes} classes it returned {found:.3f}. What is -log(p) when p is the same for every class?"
        )
    return "An even guess costs log(number of classes), so any first loss can be checked in your head."


guessing_loss = Exercise(
    name="guessing_loss",
    check_answer=_check_guessing_loss,
    hints=(
        "Each class gets the probability 1 / num_classes, the right one too.",
        "Cross-entropy is minus the natural logarithm of the probability that the right class got.",
        "math.log is the natural logarithm.",
    ),
    answer="def guessing_loss(num_classes):\n    return math.log(num_classes)\n",
)


def _check_mean_accuracy(answer: Callable[[Sequence[tuple[int, int]]], float]) -> str:
    ragged = [(32, 32), (16, 32), (0, 2)]
    found = answer(ragged)
    if math.isclose(found, 0.5, rel_tol=1e-6):
        raise NotYet(
            "That is the mean of the batches' accuracies: the last two pictures count as much as 32 others."
        )
    if math.isclose(found, 48, rel_tol=1e-6):
        raise NotYet("That is how many are correct. Divide by the number of pictures.")
    if math.isclose(found, 100 * 48 / 66, rel_tol=1e-3):
        raise NotYet("That is in percent; the course's accuracies run from 0 to 1.")
    if not math.isclose(found, 48 / 66, rel_tol=1e-6):
        raise NotYet(
            f"For {ragged} it returned {found:.4f}. Add up the correct ones, add up the pictures, then divide."
        )
    if not math.isclose(answer([(3, 4)]), 0.75):
        raise NotYet("It should also work for a single batch: (3, 4) is an accuracy of 0.75.")
    return "Sums first, one division at the end: exact whatever the batches."


mean_accuracy = Exercise(
    name="mean_accuracy",
    check_answer=_check_mean_accuracy,
    hints=(
        "Two sums: one of the correct answers, one of the pictures.",
        "sum(correct for correct, pictures in batches) is the first.",
    ),
    answer=(
        "def mean_accuracy(batches):\n"
        "    correct = sum(c for c, _ in batches)\n"
        "    pictures = sum(n for _, n in batches)\n"
        "    return correct / pictures\n"
    ),
)

_RUNS = (
    ("good", [2.0, 1.0, 0.6, 0.45, 0.41, 0.40, 0.40, 0.40], [2.1, 1.2, 0.8, 0.7, 0.66, 0.65, 0.65, 0.65]),
    ("over-fit", [2.0, 1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01], [2.1, 1.2, 0.9, 0.8, 0.9, 1.0, 1.2, 1.4]),
    ("under-fit", [2.4, 2.3, 2.1, 1.9, 1.7, 1.5, 1.3, 1.1], [2.5, 2.4, 2.2, 2.0, 1.8, 1.6, 1.4, 1.3]),
)


def _check_diagnose(answer: Callable[[list[float], list[float]], str]) -> str:
    answers = {}
    for expected, train, val in _RUNS:
        answers[expected] = answer(list(train), list(val))
    allowed = {name for name, _, _ in _RUNS}
    strange = [found for found in answers.values() if found not in allowed]
    if strange:
        raise NotYet(f'It returned {strange[0]!r}. Expected one of "under-fit", "over-fit" or "good".')
    if answers["over-fit"] == "under-fit":
        raise NotYet(
            "A run whose val loss turns up was called under-fit, because its train loss still falls. Ask val first: "
            "once it rises, more epochs only make it worse."
        )
    if answers["good"] == "over-fit":
        raise NotYet(
            "A gap between train and val alone is no over-fitting. Compare val's last value with val's lowest."
        )
    for expected, found in answers.items():
        if found != expected:
            raise NotYet(
                f"A run that is {expected} was called {found}. Print its losses and look at the last quarter."
            )
    return "Val says when to stop; train says whether there was anything left to learn."


diagnose = Exercise(
    name="diagnose",
    check_answer=_check_diagnose,
    hints=(
        "Begin with over-fitting: is val[-1] more than 1.1 times min(val)?",
        "The last quarter begins three quarters in: train[len(train) * 3 // 4 - 1] is the value before it.",
    ),
    answer=(
        "def diagnose(train, val):\n"
        "    if val[-1] > 1.1 * min(val):\n"
        '        return "over-fit"\n'
        "    before_last_quarter = train[len(train) * 3 // 4 - 1]\n"
        "    if train[-1] < 0.9 * before_last_quarter:\n"
        '        return "under-fit"\n'
        '    return "good"\n'
    ),
)
