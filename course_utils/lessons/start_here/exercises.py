"""Exercises on timing and on reading a classifier's answer (lesson 0)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from course_utils.notebook.checks import NotYet, exercise


def _check_minutes(answer: Callable[[int, int, float, float], float]) -> str:
    pictures, epochs, speed, overhead = 600, 10, 50.0, 30.0
    found, right = float(answer(pictures, epochs, speed, overhead)), 2.5
    near = {
        150.0: "That is in seconds. Sixty of them make a minute.",
        0.7: "That is for one epoch. Each epoch shows every picture once more.",
        2.0: "The overhead is missing: the seconds for starting and for reading the pictures.",
        pictures * epochs * speed
        + overhead: "Too long by far: a higher speed must make it shorter, so divide by it.",
        (pictures * epochs * speed + overhead)
        / 60: "Too long by far: a higher speed must make it shorter, so divide.",
        pictures * epochs / speed + overhead / 60: "Half of it is in minutes. Divide the whole sum by 60.",
        pictures * epochs / speed / 60
        + overhead: "The overhead is in seconds, the rest in minutes. Add first, then divide.",
    }
    for value, message in near.items():
        if math.isclose(found, value, rel_tol=1e-6):
            raise NotYet(message)
    if not math.isclose(found, right, rel_tol=1e-6):
        raise NotYet(
            f"{pictures} pictures, {epochs} epochs, {speed:.0f} a second and {overhead:.0f} s of overhead take "
            f"{right} minutes; it returned {found:.4g}."
        )
    if not math.isclose(float(answer(60, 1, 1.0, 0.0)), 1.0):
        raise NotYet(
            "60 pictures at one a second and no overhead are one minute. Use the arguments, not numbers."
        )
    return "Pictures times epochs over speed, plus what happens once. Estimate before you start, not after an hour."


@exercise(
    _check_minutes,
    "How many pictures go through the model in all? Every epoch shows each of them once.",
    "Divided by the speed that gives seconds; add the overhead, which is in seconds as well.",
    "At the end divide the whole sum by 60.",
)
def minutes(pictures, epochs, pictures_per_second, overhead_seconds):
    seconds = pictures * epochs / pictures_per_second + overhead_seconds
    return seconds / 60


_NAMES = ("cat", "dog", "owl", "cup", "tree")
_LOGITS = (1.0, 3.0, 0.5, 4.0, -2.0)


def _check_top_names(answer: Callable[[Tensor, Sequence[str], int], list[tuple[str, float]]]) -> str:
    logits = torch.tensor(_LOGITS)
    shares = logits.softmax(0).tolist()
    found = answer(logits.clone(), _NAMES, 3)
    try:
        pairs = [(name, float(share)) for name, share in found]
    except (TypeError, ValueError):
        raise NotYet(
            f"It returned {found!r}. Expected a list of pairs such as [('cup', 0.7), ('dog', 0.2)]."
        ) from None
    names, values = [name for name, _ in pairs], [value for _, value in pairs]
    if not all(isinstance(name, str) for name in names):
        raise NotYet("The names are still numbers. A number k stands for names[k].")
    if len(pairs) != 3:
        raise NotYet(f"Asked for 3 names, it returned {len(pairs)}.")
    if names == ["tree", "owl", "cat"]:
        raise NotYet("Those are the least likely ones. The largest logit is the first choice.")
    if names != ["cup", "dog", "cat"]:
        raise NotYet(f"The three best are cup, dog and cat, in that order; it returned {', '.join(names)}.")
    if math.isclose(values[0], 4.0, rel_tol=1e-4):
        raise NotYet("Those are logits: they can be any size. Apply softmax to turn them into shares of one.")
    top = torch.tensor(_LOGITS).topk(3).values.softmax(0).tolist()
    if math.isclose(values[0], top[0], rel_tol=1e-4):
        raise NotYet("The shares were computed among the three best only. Apply softmax first, then choose.")
    if not math.isclose(values[0], shares[3], rel_tol=1e-3):
        raise NotYet(f"cup should have {shares[3]:.3f}, but got {values[0]:.3f}. Softmax over all logits.")
    return "Softmax over all names, then the best few: this is what every demo of a classifier does."


@exercise(
    _check_top_names,
    "logits.softmax(0) turns the logits into shares of one.",
    ".topk(k) gives the k largest values and where they stand: .values and .indices.",
    "Pair them off: [(names[i], share) for share, i in zip(values.tolist(), indices.tolist())].",
)
def top_names(logits, names, k):
    shares, places = logits.softmax(0).topk(k)
    pairs = zip(places.tolist(), shares.tolist())
    return [(names[place], share) for place, share in pairs]
