"""Exercises on comparing the two flavours (lesson 5)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from course_utils.notebook.checks import NotYet, exercise

_RUN = {
    "architecture": "lite0",
    "image_size": 224,
    "pictures": 300,
    "epochs": 16,
    "weights": "random",
    "seed": 0,
}


def _check_differences(answer: Callable[[Mapping, Mapping], set[str]]) -> str:
    tuned = {**_RUN, "weights": "imagenet", "seed": 1}
    found = _as_set(answer(_RUN, tuned))
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
    found = _as_set(answer(_RUN, unfair))
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


def _check_gain(answer: Callable[[Sequence[float], Sequence[float]], tuple[float, float]]) -> str:
    tuned, scratch = [0.80, 0.90, 0.70, 0.84], [0.60, 0.72, 0.50, 0.62]
    gains = [a - b for a, b in zip(tuned, scratch, strict=True)]
    mean = sum(gains) / 4
    deviation = math.sqrt(sum((g - mean) ** 2 for g in gains) / 3)
    found = answer(tuned, scratch)
    try:
        got_mean, error = map(float, found)
    except (TypeError, ValueError):
        raise NotYet("Return two numbers: the mean gain and its standard error.") from None
    if math.isclose(got_mean, -mean, rel_tol=1e-6):
        raise NotYet("The sign is the wrong way round: a gain is what the tuned model has more.")
    if math.isclose(got_mean, deviation / 2, rel_tol=1e-6):
        raise NotYet("Those are the right two numbers in the other order: the mean comes first.")
    if math.isclose(got_mean, 100 * mean, rel_tol=1e-6):
        raise NotYet("Accuracies go from 0 to 1 here. Give the gain on the same scale, not in percent.")
    if not math.isclose(got_mean, mean, rel_tol=1e-6):
        raise NotYet(
            f"The mean gain was {got_mean:.4f}, expected {mean:.4f}: subtract seed by seed, then average."
        )
    if math.isclose(error, deviation, rel_tol=1e-6):
        raise NotYet(
            "That is the spread of single seeds. The mean of four is steadier: divide by the root of 4."
        )
    if math.isclose(error, deviation / 4, rel_tol=1e-6):
        raise NotYet("Nearly: divide the standard deviation by the root of 4, not by 4.")
    if math.isclose(error, deviation**2 / 2, rel_tol=1e-6):
        raise NotYet("That began with the variance. Take its root, the standard deviation, first.")
    apart = math.sqrt(sum(_variance(values) / 4 for values in (tuned, scratch)))
    if math.isclose(error, apart, rel_tol=1e-3):
        raise NotYet(
            "That treats the two lists as strangers. Each seed has the same splits in both, so take the spread of the "
            "differences: what made a seed easy for both drops out."
        )
    if math.isclose(error, deviation * math.sqrt(3 / 4) / 2, rel_tol=1e-6):
        raise NotYet("Nearly: with so few seeds, divide the squared deviations by n - 1, not by n.")
    if not math.isclose(error, deviation / 2, rel_tol=1e-6):
        raise NotYet(f"The standard error was {error:.4f}, expected {deviation / 2:.4f}.")
    return "Paired by seed, a small gain shows clearly that two separate error bars would hide."


def _variance(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return sum((v - mean) ** 2 for v in values) / (len(values) - 1)


@exercise(
    _check_gain,
    "First make a list of differences, one a seed.",
    "`import statistics`; its stdev gives the standard deviation with n - 1.",
    "The standard error of a mean of n numbers is their standard deviation divided by sqrt(n).",
)
def gain(tuned, scratch):
    gains = [a - b for a, b in zip(tuned, scratch)]
    mean = sum(gains) / len(gains)
    variance = sum((gain - mean) ** 2 for gain in gains) / (len(gains) - 1)
    return mean, (variance / len(gains)) ** 0.5


def _check_worth(answer: Callable[[Sequence[int], Sequence[float], float], float | None]) -> str:
    sizes, accuracies = [5, 10, 20, 40], [0.2, 0.4, 0.5, 0.7]
    if (beyond := answer(sizes, accuracies, 0.9)) is not None and beyond != []:
        raise NotYet("No size reaches .9 here: return None rather than a guess beyond what was measured.")
    exact = answer(sizes, accuracies, 0.5)
    if isinstance(exact, tuple | list):
        raise NotYet(f"It returned {exact!r}. Return one number, the smallest size that is good enough.")
    if exact == 0.5 or exact == 2:
        raise NotYet("Return the number of pictures, not the accuracy or its place in the list.")
    if exact != 20:
        raise NotYet(f"At 20 pictures the accuracy is exactly .5, but it returned {exact}.")
    if answer(sizes, accuracies, 0.45) != 20:
        raise NotYet("At 10 pictures .45 is not yet reached; the smallest size that reaches it is 20.")
    if answer([40, 20, 10, 5], accuracies[::-1], 0.3) != 10:
        raise NotYet("The sizes may come in any order: look for the smallest that is good enough.")
    return "That is what borrowed weights are worth in the currency that costs you most: labelled pictures."


@exercise(
    _check_worth,
    "Keep the sizes whose accuracy is at least the target.",
    "min(..., default=None) gives None when nothing is left.",
)
def pictures_needed(sizes, accuracies, target):
    enough = [n for n, accuracy in zip(sizes, accuracies) if accuracy >= target]
    return min(enough, default=None)
