"""Exercises on training from scratch (lesson 3)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from course_utils.teaching.checks import NotYet, exercise


def _check_guessing_loss(answer: Callable[[int], float]) -> str:
    for classes in (12, 2, 200):
        found, expected = answer(classes), math.log(classes)
        if math.isclose(found, expected, rel_tol=1e-3):
            continue
        if math.isclose(found, -expected, rel_tol=1e-3):
            raise NotYet(
                "The sign is the wrong way round: a loss counts what is missing, so it is never negative."
            )
        if math.isclose(found, 1 / classes, rel_tol=1e-3):
            raise NotYet("That is the probability of the right class. Cross-entropy is minus its logarithm.")
        if math.isclose(found, 1 - 1 / classes, rel_tol=1e-3):
            raise NotYet(
                "That is the share of an even guess that is wrong. Cross-entropy is minus the logarithm of the probability "
                "of the right class."
            )
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


@exercise(
    _check_guessing_loss,
    "Each class gets the probability 1 / num_classes, the right one too.",
    "Cross-entropy is minus the natural logarithm of the probability that the right class got.",
    "math.log is the natural logarithm.",
)
def guessing_loss(num_classes):
    return math.log(num_classes)


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
    if math.isclose(found, 1.0) and math.isclose(answer([(16, 32), (0, 2)]), 0.5):
        raise NotYet("That is the accuracy of the first batch alone. Does `return` stand inside the loop?")
    if not math.isclose(found, 48 / 66, rel_tol=1e-6):
        raise NotYet(
            f"For {ragged} it returned {found:.4f}. Add up the correct ones, add up the pictures, then divide."
        )
    if not math.isclose(answer([(3, 4)]), 0.75):
        raise NotYet("It should also work for a single batch: (3, 4) is an accuracy of 0.75.")
    return "Sums first, one division at the end: exact whatever the batches."


@exercise(
    _check_mean_accuracy,
    "Two sums: one of the correct answers, one of the pictures.",
    "sum(correct for correct, pictures in batches) is the first.",
)
def mean_accuracy(batches):
    correct = sum(c for c, _ in batches)
    pictures = sum(n for _, n in batches)
    return correct / pictures


_CHANCE = math.log(16)
_RUNS = {
    "comes to rest": ("good", [2.7, 1.6, 0.9, 0.6, 0.45, 0.41], [2.7, 1.8, 1.1, 0.8, 0.71, 0.70], _CHANCE),
    "still falls": ("good", [2.7, 2.4, 2.1, 1.8, 1.5, 1.2], [2.7, 2.5, 2.2, 1.9, 1.6, 1.4], _CHANCE),
    "turns up on val": (
        "over-fit",
        [2.7, 1.2, 0.5, 0.1, 0.03, 0.01],
        [2.7, 1.5, 0.9, 0.8, 1.1, 1.4],
        _CHANCE,
    ),
    "never falls on val": (
        "over-fit",
        [2.7, 1.5, 0.6, 0.1, 0.01, 0.0],
        [2.8, 2.8, 2.8, 2.8, 2.8, 2.8],
        _CHANCE,
    ),
    "hardly moves": (
        "under-fit",
        [2.8, 2.7, 2.6, 2.5, 2.45, 2.41],
        [2.8, 2.8, 2.7, 2.6, 2.58, 2.55],
        _CHANCE,
    ),
    "hardly moves, with two classes": (
        "under-fit",
        [0.69, 0.67, 0.65, 0.62],
        [0.69, 0.68, 0.67, 0.66],
        math.log(2),
    ),
}


def _check_diagnose(answer: Callable[[list[float], list[float], float], str]) -> str:
    answers = {
        name: answer(list(train), list(val), chance) for name, (_, train, val, chance) in _RUNS.items()
    }
    allowed = {expected for expected, *_ in _RUNS.values()}
    strange = [found for found in answers.values() if found not in allowed]
    if strange:
        raise NotYet(f'It returned {strange[0]!r}. Expected one of "under-fit", "over-fit" or "good".')
    if answers["still falls"] == "under-fit":
        raise NotYet(
            "A run whose train loss still falls was called under-fit. It might gain from more epochs, but it has "
            "learned: compare where train ends with chance."
        )
    if answers["comes to rest"] == "over-fit":
        raise NotYet(
            "A gap between train and val alone is no over-fitting. Has val learned, and does it end near its lowest?"
        )
    if answers["never falls on val"] != "over-fit":
        raise NotYet(
            f"A run that knows train by heart while val stays at guessing was called {answers['never falls on val']}. "
            "Val never rose, but it never learned either."
        )
    if answers["turns up on val"] != "over-fit":
        raise NotYet(
            f"A run whose val loss turns up was called {answers['turns up on val']}. Compare val's last value with val's "
            "lowest."
        )
    if answers["hardly moves, with two classes"] != "under-fit":
        raise NotYet(
            "With two classes guessing costs 0.69: three quarters of chance is another number there."
        )
    for name, (expected, *_) in _RUNS.items():
        if answers[name] != expected:
            raise NotYet(f"A run that {name} is {expected}, and was called {answers[name]}.")
    return "Train says whether anything was learned; val says whether it was the birds or the pictures."


@exercise(
    _check_diagnose,
    "Begin with under-fitting: is train[-1] above 0.75 * chance?",
    "If not, look at val: is val[-1] above 0.75 * chance, or above 1.1 * min(val)?",
)
def diagnose(train, val, chance):
    if train[-1] > 0.75 * chance:
        return "under-fit"
    if val[-1] > 0.75 * chance or val[-1] > 1.1 * min(val):
        return "over-fit"
    return "good"
