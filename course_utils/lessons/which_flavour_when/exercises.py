"""Exercises on comparing the two flavours (lesson 5)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from course_utils.notebook.checks import NotYet, exercise

_RUN = {
    "architecture": "lite0",
    "image_size": 224,
    "pictures": 300,
    "epochs": 16,
    "weights": "random",
    "seed": 0,
}


def _check_learning_curve(answer: Callable[..., Mapping[int, Sequence[float]]]) -> str:
    asked: list[tuple[int, int]] = []

    def accuracy(number: int, seed: int) -> float:
        asked.append((number, seed))
        return number / 100 + seed / 1000

    found = answer(accuracy, [5, 20, 50], [0, 1])
    expected = {n: [n / 100, n / 100 + 0.001] for n in (5, 20, 50)}
    if not isinstance(found, Mapping):
        raise NotYet(f"It returned {found!r}. Return a dictionary: a number of pictures -> its accuracies.")
    if set(found) == {0, 1}:
        raise NotYet(
            "Its keys are the seeds. Let them be the numbers of pictures: the first loop is over numbers."
        )
    if missing := set(expected) - set(found):
        raise NotYet(f"It has nothing for {min(missing)} pictures. Every number needs its entry.")
    for number, values in expected.items():
        got = found[number]
        if not isinstance(got, Sequence):
            raise NotYet(f"For {number} pictures it has {got!r}. Keep the accuracy of every seed, in a list.")
        if len(got) != len(values):
            raise NotYet(
                f"For {number} pictures it has {len(got)} accuracies, expected one for each of 2 seeds."
            )
        if any(not math.isclose(a, b, abs_tol=1e-9) for a, b in zip(got, values, strict=True)):
            raise NotYet(
                f"For {number} pictures it has {list(got)}, expected {values}: call accuracy(number, seed)."
            )
    if len(asked) > len(set(asked)):
        raise NotYet("It trains some of them twice. Call accuracy once for each number and seed.")
    return "Two loops, and a point has become a curve whose luck you can see."


@exercise(
    _check_learning_curve,
    "One loop over numbers, and in it one over seeds.",
    "In the inner loop, collect accuracy(number, seed) in a list; in the outer one, put the list into the dictionary.",
)
def learning_curve(accuracy, numbers, seeds):
    return {n: [accuracy(n, seed) for seed in seeds] for n in numbers}


def _check_differences(answer: Callable[[Mapping, Mapping], set[str]]) -> str:
    tuned = {**_RUN, "weights": "imagenet", "seed": 1}
    found = _as_set(answer({**_RUN}, {**tuned}))
    if found & set(_RUN.values()) or any(isinstance(part, tuple) for part in found):
        raise NotYet(f"It returned {found}. Return the keys alone, such as image_size, without their values.")
    if "weights" in found:
        raise NotYet('"weights" is what the comparison is about, so it may differ: leave it out.')
    if "seed" in found:
        raise NotYet('"seed" may differ from run to run: that is why there are several. Leave it out.')
    if found:
        raise NotYet(
            f"The two runs are a fair pair, yet it returned {found}. Compare the values, not the keys."
        )
    unfair = {**tuned, "image_size": 128, "epochs": 40}
    found = _as_set(answer({**_RUN}, {**unfair}))
    if not found:
        raise NotYet("It calls every pair fair. One that differs in image_size and epochs must not pass.")
    if found != {"image_size", "epochs"}:
        raise NotYet(f"A pair that differs in image_size and epochs gave {found}.")
    return "Whatever differs besides the weights is a second explanation for the result."


def _as_set(found: object) -> set[str]:
    if isinstance(found, bool | str):
        raise NotYet(
            f"It returned {found!r}. Return a set of the names of what differs, so that they can be fixed."
        )
    return set(found)


@exercise(
    _check_differences,
    "Both runs have the same keys. Go through them and keep those whose values differ.",
    'Leave "weights" and "seed" out at the end: {...} - {"weights", "seed"}.',
)
def differences(run, other):
    differ = {key for key in run if run[key] != other[key]}
    return differ - {"weights", "seed"}


def _check_gain(answer: Callable[[Sequence[float], Sequence[float], float], tuple[float, float]]) -> str:
    one, other = [0.80, 0.90, 0.70, 0.84], [0.60, 0.72, 0.50, 0.62]
    gains = [a - b for a, b in zip(one, other, strict=True)]
    mean = sum(gains) / 4
    deviation = math.sqrt(_variance(gains))
    t = 3.182
    reach = t * deviation / 2
    found = answer(one, other, t)
    try:
        got_mean, got = map(float, found)
    except (TypeError, ValueError):
        raise NotYet(
            "Return two numbers: the mean gain, and how far the interval goes to each side."
        ) from None
    if math.isclose(got_mean, -mean, rel_tol=1e-6):
        raise NotYet("The sign is the wrong way round: a gain is what the first has more.")
    if math.isclose(got_mean, reach, rel_tol=1e-6):
        raise NotYet("Those are the right two numbers in the other order: the mean comes first.")
    if math.isclose(got_mean, 100 * mean, rel_tol=1e-6):
        raise NotYet("Accuracies go from 0 to 1 here. Give the gain on the same scale, not in percent.")
    if not math.isclose(got_mean, mean, rel_tol=1e-6):
        raise NotYet(
            f"The mean gain was {got_mean:.4f}, expected {mean:.4f}: subtract seed by seed, then average."
        )
    apart = math.sqrt(sum(_variance(values) / 4 for values in (one, other)))
    for wrong, why in (
        (deviation / 2, "That is one standard error. The interval goes t of them to each side."),
        (
            t * deviation,
            "Divide the standard deviation by the root of 4: it is the mean that the interval is of.",
        ),
        (t * deviation / 4, "Nearly: divide the standard deviation by the root of 4, not by 4."),
        (
            t * deviation**2 / 2,
            "That began with the variance. Take its root, the standard deviation, first.",
        ),
        (
            t * deviation * math.sqrt(3 / 4) / 2,
            "Nearly: with so few seeds, divide the squared deviations by n - 1, not by n.",
        ),
        (
            t * apart,
            "That treats the two lists as strangers. Each seed has the same pictures in both, so take the spread of the "
            "differences: what made a seed easy for both drops out.",
        ),
    ):
        if math.isclose(got, wrong, rel_tol=1e-4):
            raise NotYet(why)
    if not math.isclose(got, reach, rel_tol=1e-6):
        raise NotYet(f"It goes {got:.4f} to each side, expected {reach:.4f}.")
    return "That is an interval of the gain itself. It gets narrow where the same pictures are hard for both."


def _variance(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return sum((v - mean) ** 2 for v in values) / (len(values) - 1)


@exercise(
    _check_gain,
    "First make a list of differences, one a seed.",
    "`np.std(..., ddof=1)` gives the standard deviation, with n - 1.",
    "The standard error of a mean of n numbers is their standard deviation divided by sqrt(n).",
)
def gain(one, other, t):
    gains = [a - b for a, b in zip(one, other)]
    error = np.std(gains, ddof=1) / len(gains) ** 0.5
    return np.mean(gains), t * error


def _check_pictures_needed(answer: Callable[[Sequence[int], Sequence[float], float], float | None]) -> str:
    sizes, accuracies = [5, 10, 20, 40], [0.2, 0.4, 0.5, 0.7]
    if (beyond := answer(sizes, accuracies, 0.9)) is not None:
        raise NotYet(
            f"No size reaches .9 here, yet it returned {beyond}: return None, not a guess beyond the curve."
        )
    if (below := answer(sizes, accuracies, 0.1)) is not None:
        raise NotYet(
            f"The curve begins above .1, yet it returned {below}: how few would do was not tried, so return None."
        )
    found = answer(sizes, accuracies, 0.5)
    if isinstance(found, tuple | list) or found is None:
        raise NotYet(
            f"At 20 pictures the accuracy is exactly .5, but it returned {found!r}. Return one number."
        )
    if found in (0.5, 2):
        raise NotYet("Return the number of pictures, not the accuracy or its place in the list.")
    if not math.isclose(found, 20):
        raise NotYet(f"At 20 pictures the accuracy is exactly .5, but it returned {found}.")
    between = answer(sizes, accuracies, 0.45)
    if between in (10, 20):
        raise NotYet(
            f".45 is reached between 10 and 20 pictures, yet it returned {between}. Go along the line between the points."
        )
    if between is not None and math.isclose(between, 15):
        raise NotYet(
            "15 is half way between 10 and 20. On a logarithmic axis half way is the root of 10 * 20: 14.1."
        )
    if between is None or not math.isclose(between, math.sqrt(10 * 20)):
        raise NotYet(f".45 is reached half way on a logarithmic axis, at 14.1, but it returned {between}.")
    if not math.isclose(answer(sizes, accuracies, 0.6), math.sqrt(20 * 40)):
        raise NotYet(
            "Each stretch has its own slope: .6 is reached half way between 20 and 40 pictures, at 28.3."
        )
    return "That is what borrowed weights are worth in the currency that costs you most: labelled pictures."


@exercise(
    _check_pictures_needed,
    "np.interp(x, xs, ys) reads a curve upwards. What are x, xs and ys if you read it sideways, with np.log(sizes)?",
    "Return None first of all where target is below the first accuracy or above the last.",
)
def pictures_needed(sizes, accuracies, target):
    if target < accuracies[0] or target > accuracies[-1]:
        return None
    return float(np.exp(np.interp(target, accuracies, np.log(sizes))))
